/**
 * Which of the sent resources a client's error text blames. Envoy applies clusters and listeners one by one and reports
 * `Error adding/updating listener(s) <name>: <reason>`, with more after a comma or on a new line; its other texts may mention
 * any name for any reason, and are not trusted.
 */
export function blamedNames(message: string, sent: Iterable<string>): string[] {
  const opening = /^(?:delta )?(?:Error|error) adding\/updating (?:cluster|listener)\(s\) /i.exec(message.trim());
  if (opening === null) return [];
  const list = message.trim().slice(opening[0].length);
  return [...sent].filter((name) => startsEntry(list, `${name}: `));
}

/** The part of a client's error text that is about one of the sent resources, in one line. Envoy appends the whole resource to some. */
export function reasonFor(message: string, name: string, sent: Iterable<string>): string {
  const own = blamedNames(message, sent).includes(name) ? message.slice(message.indexOf(`${name}: `) + name.length + 2) : message;
  const ends = [...sent].flatMap((other) => [`\n${other}: `, `, ${other}: `]).map((start) => own.indexOf(start));
  const end = Math.min(own.length, ...ends.filter((at) => at > 0));
  return oneLine(own.slice(0, end));
}

const longest = 400;

/** One line of at most 400 characters; what Envoy tells of the whole message that it could not use is left out. */
export function oneLine(message: string): string {
  const line = message
    .replace(/^Proto constraint validation failed \((.*?)\):.*$/s, "$1")
    .replaceAll(/\s+/g, " ")
    .trim();
  return line.length > longest ? `${line.slice(0, longest - 1)}…` : line;
}

function startsEntry(list: string, entry: string): boolean {
  for (let at = list.indexOf(entry); at !== -1; at = list.indexOf(entry, at + 1)) {
    const before = list.slice(0, at);
    if (before === "" || before.endsWith("\n") || before.endsWith(", ")) return true;
  }
  return false;
}

/** Two halves of what was rejected together, to be sent one after the other until the bad one stands alone. */
export function halves<T>(list: readonly T[]): T[][] {
  const middle = Math.ceil(list.length / 2);
  return [list.slice(0, middle), list.slice(middle)];
}
