/** Envoy splits the names of its statistics at dots and colons, so anything but letters, digits, "_" and "-" becomes "_". */
export function statName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_-]/g, "_");
}
