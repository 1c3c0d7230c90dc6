/** A part of a sidecar that policies act on. */
interface Attachment {
  type: string;
  name?: string;
  service?: string;
}

type Named = Record<string, { name: string }>;

/** Body of `GET .../dataplanes/{name}/policies`. */
export type DataplanePolicies =
  | { kind: "SidecarDataplane"; items: (Attachment & { matchedPolicies: Record<string, { name: string }[]> })[] }
  | {
      kind: "MeshGatewayDataplane";
      listeners: {
        port: number;
        protocol: string;
        hosts: { hostName: string; routes: { route: string; destinations: { tags: Record<string, string>; policies: Named }[] }[] }[];
      }[];
      policies?: Named;
    };

/** One entry of `GET .../<policies>/{name}/dataplanes`. */
export type PolicyDataplane =
  | { kind: "SidecarDataplane"; dataplane: { name: string }; attachments: Attachment[] }
  | {
      kind: "MeshGatewayDataplane";
      gateway: { name: string };
      listeners?: {
        port: number;
        protocol: string;
        hosts: { hostName: string; routes: { route: string; destinations: Record<string, string>[] }[] }[];
      }[];
    };

const serviceOf = (tags: Record<string, string>): string => tags["kuma.io/service"] ?? "";

function attachmentText({ type, name = "", service = "" }: Attachment, word: (type: string) => string): string {
  if (type === "dataplane") return word(type);
  return type === "service" ? `${word(type)} ${name}` : `${word(type)} ${name}(${service})`;
}

const upper = (text: string) => text.toUpperCase();
const same = (text: string) => text;

/** Types indented by `indent`, with the names of their policies below. */
const policyLines = (policies: Readonly<Record<string, readonly { name: string }[]>>, indent: string): string =>
  Object.entries(policies)
    // Names after the first are not indented: what scripts that read this know.
    .map(([type, named]) => `${indent}${type}\n${indent}  ${named.map(({ name }) => `${name}\n`).join("")}`)
    .join("");

const single = (policies: Named): Record<string, { name: string }[]> =>
  Object.fromEntries(Object.entries(policies).map(([type, policy]) => [type, [policy]]));

/** Which policies a dataplane has, part by part. */
export function dataplanePoliciesText(answer: DataplanePolicies): string {
  if (answer.kind === "SidecarDataplane") {
    return answer.items
      .map(({ matchedPolicies, ...attachment }) => `${attachmentText(attachment, upper)}:\n${policyLines(matchedPolicies, "  ")}\n`)
      .join("");
  }
  let text = `MESHGATEWAY:\n${policyLines(single(answer.policies ?? {}), "  ")}\n`;
  for (const { protocol, port, hosts } of answer.listeners) {
    text += `LISTENER (${protocol}:${port}):\n`;
    for (const { hostName, routes } of hosts) {
      text += `  ${hostName}:\n`;
      for (const { route, destinations } of routes) {
        text += `    ROUTE ${route}:\n`;
        for (const { tags, policies } of destinations)
          text += `      SERVICE ${serviceOf(tags)}:\n${policyLines(single(policies), "        ")}\n`;
      }
    }
  }
  return text;
}

/** Which dataplanes a policy acts on, and where. */
export const policyDataplanesText = (items: readonly PolicyDataplane[]): string =>
  `Affected data plane proxies:\n\n${items.map(affectedText).join("")}`;

function affectedText(item: PolicyDataplane): string {
  if (item.kind === "SidecarDataplane") {
    const { dataplane, attachments } = item;
    if (attachments.length === 1 && attachments[0]!.type === "dataplane") return `  ${dataplane.name}\n`;
    return `  ${dataplane.name}:\n${attachments.map((each) => `    ${attachmentText(each, same)}\n`).join("")}\n`;
  }
  let text = `  ${item.gateway.name}:\n`;
  for (const { protocol, port, hosts } of item.listeners ?? []) {
    text += `    listener (${protocol}:${port}):\n`;
    for (const { hostName, routes } of hosts) {
      text += `      ${hostName}:\n`;
      for (const { route, destinations } of routes) {
        text += `        ${route}:\n${destinations.map((tags) => `          service ${serviceOf(tags)}\n`).join("")}`;
      }
    }
  }
  return `${text}\n`;
}
