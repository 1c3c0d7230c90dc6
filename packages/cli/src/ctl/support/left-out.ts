/** Stands where something was left out. */
export const leftOut = "(left out)";

/** Fields whose whole value is, or may be, a secret. */
const secretField = /(token|password|secret|passphrase|api_?key|credentials|private_?key)$/i;
const inlineField = /^inline(_?(string|bytes))?$/i;
const secretHeader = /authorization|cookie|token|secret|api-?key|password/i;

/** PEM of any kind, also where JSON has escaped its line ends; tokens (JWT); what stands before the host in a URL. */
const patterns: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, leftOut],
  [/eyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?/g, leftOut],
  [/\bBearer\s+[\w.~+/=-]+/gi, `Bearer ${leftOut}`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s@"']+@/gi, `$1${leftOut}@`],
];

/** The text without what looks like a credential, wherever it stands in it. */
export const withoutCredentials = (text: string): string => patterns.reduce((rest, [pattern, by]) => rest.replace(pattern, by), text);

/**
 * JSON without secrets: specs of Secrets and GlobalSecrets, contents that are written into a document (`inline` of a data source), fields
 * and headers whose name says that they are secret, and what looks like a credential in any text. Rather too much than too little.
 */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === "string") return withoutCredentials(value);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== "object" || value === null) return value;
  const fields = value as Record<string, unknown>;
  const isSecret = fields["type"] === "Secret" || fields["type"] === "GlobalSecret";
  const name = fields["name"] ?? fields["key"];
  const isSecretHeader = typeof name === "string" && secretHeader.test(name);
  return Object.fromEntries(
    Object.entries(fields).map(([field, content]) => {
      if (isSecret && (field === "data" || field === "spec")) return [field, leftOut];
      if (inlineField.test(field) || (isSecretHeader && field === "value")) return [field, leftOut];
      if (secretField.test(field) && typeof content === "string" && content !== "") return [field, leftOut];
      return [withoutCredentials(field), withoutSecrets(content)];
    }),
  );
}
