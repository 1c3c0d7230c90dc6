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
