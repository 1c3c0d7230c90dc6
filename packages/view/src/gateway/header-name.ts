/** `x-request-id` as `X-Request-Id`, the form in which Kuma writes the headers it sets; anything unusual stays as it is. */
export const canonicalHeader = (name: string): string =>
  /^[a-zA-Z0-9!#$%&'*+.^_`|~-]+$/.test(name)
    ? name.toLowerCase().replaceAll(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
    : name;
