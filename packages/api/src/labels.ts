import type { Violation } from "@atoll/resource";

export const label = {
  mesh: "kuma.io/mesh",
  origin: "kuma.io/origin",
  zone: "kuma.io/zone",
  environment: "kuma.io/env",
  proxyType: "kuma.io/proxy-type",
  displayName: "kuma.io/display-name",
  kubernetesNamespace: "k8s.kuma.io/namespace",
} as const;

type Labels = Record<string, string>;

const namePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const value = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const partRule =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const prefixRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const valueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/** https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set */
function keyFaults(key: string): string[] {
  const parts = key.split("/");
  const faults: string[] = [];
  let name = key;
  if (parts.length === 2) {
    const [prefix = "", rest = ""] = parts;
    name = rest;
    if (prefix === "") faults.push("prefix part must be non-empty");
    else if (prefix.length > 253) faults.push("prefix part must be no more than 253 characters");
    else if (!subdomain.test(prefix)) faults.push(`prefix part ${prefixRule}`);
  } else if (parts.length > 2) {
    return [`a qualified name ${partRule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  if (name === "") faults.push("name part must be non-empty");
  else if (name.length > 63) faults.push("name part must be no more than 63 characters");
  if (!namePart.test(name)) faults.push(`name part ${partRule}`);
  return faults;
}

function valueFaults(text: string): string[] {
  const faults: string[] = [];
  if (text.length > 63) faults.push("must be no more than 63 characters");
  if (!value.test(text)) faults.push(valueRule);
  return faults;
}

/** Where a resource may be written and by whom decides which labels it may carry (controlplane.md 1.5). */
export interface LabelRules {
  /** Undefined on global. */
  zone?: string;
  mesh: string;
  /** A kind whose spec is nested under `spec`: on a zone it must say that the zone is its origin. */
  plugin: boolean;
}

export function labelViolations(labels: Labels, rules: LabelRules): Violation[] {
  const violations: Violation[] = [];
  const add = (key: string, reason: string) => violations.push({ field: `labels["${key}"]`, reason });
  const origin = labels[label.origin];
  if (origin !== undefined && origin !== "global" && origin !== "zone") add(label.origin, `unknown resource origin "${origin}"`);
  if (rules.zone !== undefined) {
    if (rules.plugin && origin !== "zone") add(label.origin, "the origin label must be set to 'zone'");
    if (origin !== "global") {
      const zone = labels[label.zone];
      if (zone !== undefined && zone !== rules.zone) add(label.zone, `${label.zone} label should have ${rules.zone} value`);
      const mesh = labels[label.mesh];
      if (mesh !== undefined && mesh !== rules.mesh) add(label.mesh, `${label.mesh} label must not differ from mesh set on resource`);
    }
  }
  for (const key of Object.keys(labels).toSorted()) {
    for (const reason of [...keyFaults(key), ...valueFaults(labels[key]!)]) add(key, reason);
  }
  return violations;
}

export interface LabelContext {
  /** "" for kinds of global scope. */
  mesh: string;
  /** Set where the resource is written in a zone and belongs to it. */
  zone?: string;
  proxyType?: string;
}

/** The labels a written resource gets: those of the request, and those that follow from where it is. */
export function computeLabels(requested: Labels, context: LabelContext): Labels {
  const labels = { ...requested };
  if (context.mesh !== "") labels[label.mesh] ??= context.mesh;
  if (context.zone !== undefined) {
    labels[label.origin] ??= "zone";
    if (labels[label.origin] !== "global") {
      labels[label.zone] ??= context.zone;
      labels[label.environment] ??= "universal";
    }
  }
  if (context.proxyType !== undefined) labels[label.proxyType] = context.proxyType;
  return sortedLabels(labels);
}

export const sortedLabels = (labels: Labels): Labels => Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
