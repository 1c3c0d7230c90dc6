import type { Kind, Violation } from "@atoll/resource";
import { labelViolations } from "./labels.ts";

const longestName = 253;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const meshName = /^[0-9a-z\-_.]*$/;
const subdomainRule =
  "invalid characters. A lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const meshRule = "invalid characters. Valid characters are numbers, lowercase latin letters and '-', '_', '.' symbols.";

export interface Meta {
  type: string;
  mesh: string;
  name: string;
  labels: Record<string, string>;
}

/** Does a document belong at the URL it was put to, and is its meta well formed? All faults at once, in the order clients know. */
export function requestViolations(kind: Kind, url: { mesh: string; name: string }, meta: Meta, zone?: string): Violation[] {
  const violations: Violation[] = [];
  const add = (field: string, reason: string) => violations.push({ field, reason });
  if (meta.name !== url.name) add("name", "name from the URL has to be the same as in body");
  // What a zone writes is shown on global under `<zone>.<name>` by peers.
  if (zone !== undefined && zone.length + 1 + url.name.length >= longestName) add("name", "the length of the name must be shorter");
  if (meta.type !== kind.type) add("type", "type from the URL has to be the same as in body");
  if (kind.scope === "mesh" && meta.mesh !== url.mesh) add("mesh", "mesh from the URL has to be the same as in body");
  violations.push(...labelViolations(meta.labels, { zone, mesh: meta.mesh, plugin: kind.plugin }));
  violations.push(...metaViolations(kind, meta));
  return violations;
}

/** Is the meta well formed, wherever it is written? */
export function metaViolations(kind: Kind, meta: Meta): Violation[] {
  const violations: Violation[] = [];
  const name = identifierFault(meta.name, subdomain, subdomainRule);
  if (name !== undefined) violations.push({ field: "name", reason: name });
  const mesh = kind.scope === "mesh" ? identifierFault(meta.mesh, meshName, meshRule) : undefined;
  if (mesh !== undefined) violations.push({ field: "mesh", reason: mesh });
  return violations;
}

function identifierFault(identifier: string, pattern: RegExp, rule: string): string | undefined {
  if (identifier === "") return "cannot be empty";
  if (identifier.length > longestName) return "value length must less or equal 253";
  return pattern.test(identifier) ? undefined : rule;
}
