/** What a template becomes with its parameters; an error for anything but text and `{{.parameter}}`. */
export function renderOutboundTemplate(template: string, parameters: Record<string, string>): { text: string } | { error: string } {
  let error: string | undefined;
  const text = template.replaceAll(/\{\{-?\s*(.*?)\s*-?\}\}/gs, (_whole, expression: string) => {
    const name = /^\.([a-zA-Z0-9]+)$/.exec(expression)?.[1];
    const value = name === undefined ? undefined : parameters[name];
    if (value === undefined) error ??= name === undefined ? `unsupported expression "${expression}"` : `map has no entry for key "${name}"`;
    return value ?? "";
  });
  if (error === undefined && /\{\{|\}\}/.test(text)) error = "unclosed action";
  return error === undefined ? { text } : { error };
}
