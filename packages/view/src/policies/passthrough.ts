import { AddressRange } from "@atoll/names";
import type { PassthroughMatch } from "@atoll/policy";
import { statName } from "../names.ts";
import { optional } from "../optional.ts";
import type { AccessLogView, ClusterView, FilterChainView, ListenerView, RouteView, VirtualHostView } from "../proxy-view.ts";

export type Family = "ipv4" | "ipv6";
type Protocol = PassthroughMatch["protocol"];

/** A domain under a name of its own; of HTTP it is told apart by the host that a request asks for. */
interface HttpDomain {
  value: string;
  protocol: Protocol;
}

/** What one filter chain is for. */
interface Matcher {
  protocol: Protocol;
  /** undefined: any. */
  port: number | undefined;
  kind: Kind;
  /** Absent where all domains of a port share a chain. */
  value: string;
  domains: ReadonlyMap<string, HttpDomain>;
}

/** The most particular last. Source of the order, and of all names: policies.md, MPT. */
const kinds = ["wildcard", "domain", "cidr4", "cidr6", "ip4", "ip6"] as const;
type Kind = (typeof kinds)[number];
const protocols: readonly Protocol[] = ["tls", "mysql", "tcp", "http", "http2", "grpc"];

const isHttp = (protocol: Protocol): boolean => protocol === "http" || protocol === "http2" || protocol === "grpc";
const noMatchBody =
  "This response comes from Kuma Sidecar. No routes matched this domain - check configuration of your MeshPassthrough policy.\n";
/** Ways in which Envoy recognises what is spoken; of two matches of one layer and place it takes one. */
const layerOf = (protocol: Protocol): string => (isHttp(protocol) ? "http" : protocol === "tls" ? "tls" : "raw");

export interface PassthroughParts {
  chains: FilterChainView[];
  clusters: Pick<ClusterView, "name" | "altStatName" | "http">[];
  inspectors: NonNullable<ListenerView["inspectors"]>;
}

/** What the matches make of the listener of one family; undefined if none is for the family. `logs`: of requests, and of connections. */
export function passthroughParts(
  matches: readonly PassthroughMatch[],
  family: Family,
  logs: (kind: "http" | "network") => AccessLogView[],
): PassthroughParts | undefined {
  const other = family === "ipv4" ? "6" : "4";
  const matchers = orderedMatchers(matches).filter(({ kind }) => !kind.endsWith(other));
  if (matchers.length === 0) return undefined;
  const clusters = new Map<string, PassthroughParts["clusters"][number]>();
  const add = (value: string, protocol: Protocol, port: number | undefined): string => {
    const name = `meshpassthrough_${protocol === "mysql" ? "tcp" : protocol}_${value}_${port ?? "*"}`;
    const altStatName = statName(name);
    const isHttp2 = protocol === "http2" || protocol === "grpc";
    clusters.set(name, { name, ...(altStatName === name ? {} : { altStatName }), ...(isHttp2 ? { http: "http2" as const } : {}) });
    return name;
  };
  const chains = matchers.map((matcher) => chainOf(matcher, add, logs));
  return { chains, clusters: [...clusters.values()], inspectors: inspectorsOf(matchers) };
}

/**
 * Envoy looks at the port first, and at nothing else where it has a chain for it: what is for any port is there for each that is named.
 * Of matches that no connection could tell apart the last, which is of the strongest policy, counts.
 */
function orderedMatchers(matches: readonly PassthroughMatch[]): Matcher[] {
  const ports = [...new Set(matches.flatMap(({ port }) => port ?? []))];
  const named = matches.filter(({ port }) => port !== undefined);
  const general = matches.filter(({ port }) => port === undefined);
  const everywhere = [undefined, ...ports].flatMap((port) =>
    general.map((match): PassthroughMatch => ({ ...match, ...optional("port", port) })),
  );
  const found = new Map<string, Matcher>();
  for (const { type, value, port, protocol } of [...everywhere, ...named]) {
    const kind = kindOf(type, value);
    if (isHttp(protocol) && type === "Domain") {
      const key = JSON.stringify(["http", port]);
      const before = found.get(key);
      const domains = new Map([...(before?.domains ?? []), [value.toLowerCase(), { value, protocol }] as const]);
      const first = [protocol, ...(before ? [before.protocol] : [])].sort(byProtocol)[0]!;
      found.set(key, { protocol: first, port, kind: "domain", value: "", domains });
    } else {
      const key = JSON.stringify([layerOf(protocol), port, kind, rangeOf(kind, value) ?? value.toLowerCase()]);
      found.set(key, { protocol, port, kind, value, domains: new Map() });
    }
  }
  return [...found.values()].sort(compareMatchers);
}

function kindOf(type: PassthroughMatch["type"], value: string): Kind {
  if (type === "Domain") return value.startsWith("*") ? "wildcard" : "domain";
  const version = value.includes(":") ? "6" : "4";
  return type === "IP" ? `ip${version}` : `cidr${version}`;
}

/** The addresses of a match in one form; undefined of a domain. */
function rangeOf(kind: Kind, value: string): { address: string; bits: number } | undefined {
  if (kind === "domain" || kind === "wildcard") return undefined;
  return new AddressRange(value.includes("/") ? value : `${value}/${kind === "ip6" ? 128 : 32}`).network;
}

const byProtocol = (a: Protocol, b: Protocol): number => protocols.indexOf(a) - protocols.indexOf(b);
const descending = (a: string, b: string): number => (a < b ? 1 : a > b ? -1 : 0);

function compareMatchers(a: Matcher, b: Matcher): number {
  const before = byProtocol(a.protocol, b.protocol) || kinds.indexOf(b.kind) - kinds.indexOf(a.kind) || (b.port ?? 0) - (a.port ?? 0);
  if (before !== 0) return before;
  if (a.kind === "domain" || a.kind === "wildcard") return compareDomains(a.value, b.value);
  const [one, two] = [rangeOf(a.kind, a.value)!, rangeOf(b.kind, b.value)!];
  return two.bits - one.bits || descending(one.address, two.address);
}

/** The longer first. */
const compareDomains = (a: string, b: string): number => b.split(".").length - a.split(".").length || -descending(a, b);

function chainOf(
  { protocol, port, kind, value, domains }: Matcher,
  addCluster: (value: string, protocol: Protocol, port: number | undefined) => string,
  logs: (kind: "http" | "network") => AccessLogView[],
): FilterChainView {
  const spoken = protocol === "mysql" ? "tcp" : protocol;
  const name = ["meshpassthrough", spoken, ...(value ? [value] : []), port ?? "*"].join("_");
  const range = rangeOf(kind, value);
  const place = { ...optional("port", port), ...(range ? { prefixes: [range] } : {}) };
  const accessLogs = (of: "http" | "network") => (logs(of).length > 0 ? { accessLogs: logs(of) } : {});
  if (!isHttp(protocol)) {
    const clusters = [{ name: addCluster(value, protocol, port), weight: 1 }];
    const serverNames = protocol === "tls" && range === undefined && value !== "*" ? [value.toLowerCase()] : undefined;
    const transportProtocol = protocol === "tls" ? ("tls" as const) : ("raw_buffer" as const);
    return {
      name,
      match: { transportProtocol, ...optional("serverNames", serverNames), ...place },
      filter: { type: "tcp", statPrefix: statName(name), clusters, ...accessLogs("network") },
    };
  }
  const route = (cluster: string): RouteView => ({
    match: { path: { prefix: "/" } },
    action: { type: "forward", clusters: [{ name: cluster, weight: 1 }] },
    // As without the policy: what is outside has its own time.
    timeoutMs: 0,
  });
  const virtualHosts = range
    ? [{ name: value, domains: ["*"], routes: [route(addCluster(value, protocol, port))] }]
    : hostsOf([...domains.values()], port, (domain) => route(addCluster(domain.value, domain.protocol, port)));
  return {
    name,
    match: { transportProtocol: "raw_buffer", applicationProtocols: ["http/1.1", "h2c"], ...place },
    filter: { type: "http", statPrefix: statName(name), routes: { inline: { name, virtualHosts } }, ...accessLogs("http") },
  };
}

/** Hosts of requests, with and without their port; who asks for another is told. */
function hostsOf(domains: readonly HttpDomain[], port: number | undefined, route: (domain: HttpDomain) => RouteView): VirtualHostView[] {
  const isWildcard = ({ value }: HttpDomain): boolean => value.startsWith("*");
  const sorted = domains.toSorted((a, b) => Number(isWildcard(a)) - Number(isWildcard(b)) || compareDomains(a.value, b.value));
  const hosts = sorted.map((domain): VirtualHostView => {
    const { value } = domain;
    const more = value === "*" ? [] : port !== undefined ? [`${value}:${port}`] : isWildcard(domain) ? [] : [`${value}:*`];
    return { name: value, domains: [value, ...more], routes: [route(domain)] };
  });
  if (hosts.some(({ name }) => name === "*")) return hosts;
  const nobody: RouteView = { match: { path: { prefix: "/" } }, action: { type: "directResponse", status: 503, body: noMatchBody } };
  return [...hosts, { name: "no_match", domains: ["*"], routes: [nobody] }];
}

/**
 * Where Envoy waits for what the caller says first. Nowhere else, since there are callers that wait for the other side: those of MySQL
 * for one, and all that the listener hands on to the mesh's own outbounds.
 */
function inspectorsOf(matchers: readonly Matcher[]): PassthroughParts["inspectors"] {
  const inspected = matchers.filter(({ protocol }) => layerOf(protocol) !== "raw");
  const ports = (of: readonly Matcher[]): number[] => [...new Set(of.flatMap(({ port }) => port ?? []))].sort((a, b) => a - b);
  if (inspected.every(({ port }) => port !== undefined)) return { only: ports(inspected) };
  return { except: ports(matchers.filter(({ protocol }) => protocol === "mysql")) };
}
