import { httpRoutes, tcpRoutes } from "@atoll/policy";
import type { Answer, HttpRoutes, ProxyPolicies } from "@atoll/policy";
import { groupHosts, sortHosts } from "./host.ts";
import type { GatewayHost, HostGroup, TaggedListener } from "./host.ts";
import { compareExactness, contains, hostOrAny } from "./hostname.ts";

/** Whether routes with a targetRef have taken over the listeners of a protocol: then no MeshGatewayRoute is heard there. */
export const isSteered = (policies: ProxyPolicies, protocol: string | undefined): boolean =>
  policies.isSteeredBy(protocol === "HTTP" || protocol === "HTTPS" ? "MeshHTTPRoute" : "MeshTCPRoute");

/** Hosts of the listeners that share a port, where routes with a targetRef say what they serve. */
export function steeredGroups(policies: ProxyPolicies, address: string, listeners: readonly TaggedListener[]): HostGroup[] {
  const taken = new Set<string>();
  // A name that two listeners serve belongs to the more exact one.
  const sorted = listeners.toSorted((a, b) => compareExactness(hostOrAny(a.hostname), hostOrAny(b.hostname)));
  const groups = groupHosts(sorted, (listener) =>
    steeredHosts(policies, address, listener).filter(({ hostname }) => {
      if (taken.has(hostname)) return false;
      taken.add(hostname);
      return true;
    }),
  );
  return groups.map((group) => ({ ...group, hosts: sortHosts(group.hosts) }));
}

function steeredHosts(policies: ProxyPolicies, address: string, listener: TaggedListener): GatewayHost[] {
  const hostname = hostOrAny(listener.hostname);
  const place = { address, port: listener.port, hostname };
  const host = { tags: listener.effectiveTags, routes: [] };
  if (listener.protocol !== "HTTP" && listener.protocol !== "HTTPS")
    return [{ ...host, hostname, steered: { http: [], tcp: policies.ofListener(tcpRoutes, place) } }];
  const answers = policies.ofListener(httpRoutes, place).flatMap((answer) => {
    const name = common(hostname, hostOrAny(answer.conf?.hostname ?? hostname));
    return name === undefined ? [] : [{ name, answer }];
  });
  const names = new Set([hostname, ...answers.map(({ name }) => name)]);
  // Envoy chooses one virtual host and looks no further: a host has its own routes, and those of the wildcards around it.
  return [...names].map((name) => {
    const own = answers.filter((one) => one.name === name);
    const wider = answers
      .filter((one) => one.name !== name && contains(one.name, name))
      .toSorted((a, b) => compareExactness(a.name, b.name));
    const http: Answer<HttpRoutes>[] = [...own, ...wider].map(({ answer }) => answer);
    return { ...host, hostname: name, steered: { http, tcp: [] } };
  });
}

/** The hosts that both names have. */
const common = (listener: string, route: string): string | undefined =>
  contains(listener, route) ? route : contains(route, listener) ? listener : undefined;
