/** What a template becomes with its parameters; an error for anything but text and `{{.parameter}}`. */
export function renderOutboundTemplate(template: string, parameters: Record<string, string>): { text: string } | { error: string } {
  let error: string | undefined;
  const text = template.replaceAll(/\{\{-?\s*(.*?)\s*-?\}\}/gs, (_whole, expression: string) => {
    const name = /^\.([a-zA-Z0-9]+)$/.exec(expression)?.[1];
    if (name === undefined) error ??= `unsupported expression "${expression}"`;
    // What Go's templates, which these are to their users, write for a name that they do not know.
    return name !== undefined && Object.hasOwn(parameters, name) ? (parameters[name] ?? "") : "<no value>";
  });
  if (error === undefined && /\{\{|\}\}/.test(text)) error = "unclosed action";
  return error === undefined ? { text } : { error };
}
