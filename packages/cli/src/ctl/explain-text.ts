import type { PolicyChoice, PolicyVerdict, ProxyExplanation, Reasons, ResourceRef, RouteExplanation } from "@atoll/view";

/** Body of `GET .../_explain`. */
export interface ExplanationAnswer extends ProxyExplanation {
  /** Of the configuration that is explained. */
  revision: number;
  /** What Envoy has acknowledged. */
  acknowledged: number;
  /** Why the proxy has something else than the configuration says. */
  decided?: string[];
}

const verdicts: Record<PolicyVerdict["verdict"], string> = {
  chosen: "chosen",
  acts: "acts",
  sourcesDoNotMatch: "no source matches",
  destinationsDoNotMatch: "no destination matches",
  selectorsDoNotMatch: "no selector matches",
  lessExact: "matches less exactly",
  newer: "as exact, but newer",
  older: "as exact, but older",
  laterName: "as exact and as old, but later by name",
  anyServiceFirst: "one for any service goes first where there are several destinations",
  needsTrafficRoute: "acts on outbounds only while the mesh has a TrafficRoute",
  wrongProtocol: "has nothing for this protocol",
  otherHost: "its hostnames are others",
  merged: "merged",
  shadow: "a shadow, which does not act",
  targetDoesNotMatch: "its targetRef is for others",
  replaced: "a policy of the other family acts in its place",
};

/** An explanation as lines to read. `only`: parts whose name or path contains the text. */
export function explanationText(answer: ExplanationAnswer, only = ""): string {
  const { kind, mesh, name, zone, revision, acknowledged } = answer;
  const head = `${kind} ${name}${mesh && ` of mesh ${mesh}`} in zone ${zone}, revision ${revision}, Envoy at ${acknowledged}`;
  const decided = (answer.decided ?? []).map((why) => `DECIDED ${why}`);
  const wanted = (text: string): boolean => text.includes(only);
  const whole = answer.policies.flatMap((choice) => choiceLines(choice, ""));
  const listeners = answer.listeners
    .filter((listener) => wanted(listener.name))
    .flatMap(({ name: listener, address, port, chains, ...reasons }) => [
      "",
      `LISTENER ${listener} on ${address}:${port}`,
      ...reasonLines(reasons, "  "),
      ...chains.flatMap(({ serverNames, ...own }) => [`  CHAIN ${serverNames.join(", ") || "*"}`, ...reasonLines(own, "    ")]),
    ]);
  const routes = answer.routes.flatMap(({ name: config, virtualHosts }) => {
    const lines = virtualHosts.flatMap(({ domains, routes: all, ...host }) => {
      const some = all.filter((route) => wanted(config) || wanted(matchText(route.match)));
      if (some.length === 0) return [];
      return [
        `  HOST ${domains.join(", ")}`,
        ...reasonLines({ from: host.from, policies: host.policies }, "    "),
        ...some.flatMap((route) => [`    ROUTE ${matchText(route.match)} -> ${targetText(route)}`, ...reasonLines(route, "      ")]),
      ];
    });
    return lines.length === 0 ? [] : ["", `ROUTES ${config}`, ...lines];
  });
  const clusters = answer.clusters
    .filter((cluster) => wanted(cluster.name))
    .flatMap(({ name: cluster, endpoints, ...reasons }) => [
      "",
      `CLUSTER ${cluster}`,
      ...reasonLines(reasons, "  "),
      ...endpoints.map((endpoint) => `  endpoint ${endpoint}`),
    ]);
  const problems = answer.problems.flatMap(({ resource, reason }) => ["", `PROBLEM ${resource}: ${reason}`]);
  return `${[head, ...decided, ...whole, ...listeners, ...routes, ...clusters, ...problems].join("\n")}\n`;
}

const reasonLines = ({ from, policies }: Reasons, indent: string): string[] => [
  ...from.map((ref) => `${indent}from ${refText(ref)}`),
  ...policies.flatMap((choice) => choiceLines(choice, indent)),
];

const refText = ({ type, name, revision, section }: ResourceRef): string =>
  `${type} ${name}@${revision}${section === undefined ? "" : ` (${section})`}`;

function choiceLines({ type, destination, silent, candidates }: PolicyChoice, indent: string): string[] {
  const acting = candidates.filter(({ verdict }) => verdict === "chosen" || verdict === "acts");
  const named = acting.map(({ name, revision }) => `${name}@${revision}`).join(", ") || "none";
  const what = destination === undefined ? type : `${type} for ${tagsText(destination)}`;
  return [
    `${indent}${what}: ${named}${silent ? ", which has nothing for this place" : ""}`,
    ...candidates
      .filter((candidate) => !acting.includes(candidate))
      .map(({ name, revision, verdict }) => `${indent}  not ${name}@${revision}: ${verdicts[verdict]}`),
  ];
}

const tagsText = (tags: Readonly<Record<string, string>>): string =>
  Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

function matchText({ path, headers = [], query = [] }: RouteExplanation["match"]): string {
  const at = "exact" in path ? `= ${path.exact}` : "prefix" in path ? `${path.prefix}*` : `~ ${path.regex}`;
  const wanted = headers.map(({ name, exact, prefix, regex, present }) => {
    if (exact !== undefined) return `${name}=${exact}`;
    if (prefix !== undefined) return `${name}=${prefix}*`;
    if (regex !== undefined) return `${name}~${regex}`;
    return present === false ? `no ${name}` : `any ${name}`;
  });
  const parameters = query.map(({ name, exact, regex }) => `?${name}${exact === undefined ? `~${regex}` : `=${exact}`}`);
  return [at, ...wanted, ...parameters].join(" ");
}

function targetText({ action, clusters }: RouteExplanation): string {
  if (action !== "forward") return action;
  return clusters.map(({ name, weight }) => (clusters.length === 1 ? name : `${name} (${weight})`)).join(", ");
}
