import { keyed, violation, type Violations } from "./violation.ts";

const namePattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const qualifiedName = new RegExp(`^${namePattern}$`);
const nameRule = `must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '${namePattern}')`;

const valuePattern = `(${namePattern})?`;
const labelValue = new RegExp(`^${valuePattern}$`);
const valueRule = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '${valuePattern}')`;

const prefixPattern = String.raw`[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*`;
const dnsPrefix = new RegExp(`^${prefixPattern}$`);
const prefixRule = `prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${prefixPattern}')`;

/** Path of a label in the error body. */
export const labelField = (key: string): string => keyed("labels", key);

/** Kubernetes' rules for label names and values. Source: kubernetes.io, "Labels and Selectors", syntax and character set. */
export function* validateLabels(labels: Record<string, string>): Violations {
  for (const key of Object.keys(labels).toSorted()) {
    const field = labelField(key);
    for (const reason of nameFaults(key)) yield violation(field, reason);
    const value = labels[key] ?? "";
    if (value.length > 63) yield violation(field, "must be no more than 63 characters");
    if (!labelValue.test(value)) yield violation(field, valueRule);
  }
}

function* nameFaults(key: string): Generator<string> {
  const parts = key.split("/");
  if (parts.length > 2) {
    yield `a qualified name ${nameRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
    return;
  }
  const name = parts.at(-1) ?? "";
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") yield "prefix part must be non-empty";
    else {
      if (prefix.length > 253) yield "prefix part must be no more than 253 characters";
      if (!dnsPrefix.test(prefix)) yield prefixRule;
    }
  }
  if (name === "") yield "name part must be non-empty";
  else if (name.length > 63) yield "name part must be no more than 63 characters";
  if (!qualifiedName.test(name)) yield `name part ${nameRule}`;
}
