import { kumaTagsHeader, outboundLogs, renderKumaTags, resourceDestination, retries } from "@atoll/policy";
import type { Answer, LogTarget, OutboundTimeouts, Retries } from "@atoll/policy";
import { outboundListenerName, outboundRouteName, statName } from "../names.ts";
import { optional } from "../optional.ts";
import { accessLogs } from "../policies/access-log.ts";
import { retryView } from "../policies/retry.ts";
import { listenerTimeouts, timeoutsOf } from "../policies/timeout.ts";
import { isHttp } from "../protocol.ts";
import type { FilterChainView, ListenerView, RouteConfigView } from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { Reasons } from "../reasons.ts";
import type { OutboundScope } from "../sidecar/outbound-scope.ts";
import type { RealAddress } from "./real-addresses.ts";
import { realCluster } from "./real-cluster.ts";
import { portId, serviceRef } from "./real-service.ts";
import type { RealTarget } from "./real-service.ts";

/** What the caller's policies say of the port. */
interface Said {
  timeouts: Answer<OutboundTimeouts>;
  retries: Answer<Retries>;
  logs: Answer<LogTarget[]>;
}

/** Adds the listener of an outbound to a service that is a resource, with its cluster, endpoints and routes. */
export function addRealOutbound(scope: OutboundScope, outbound: RealAddress): void {
  const { builder, contexts, context, caller, dataplane } = scope;
  const { address, port, to } = outbound;
  const called = resourceDestination(portId(to));
  const said: Said = {
    timeouts: caller.towards(timeoutsOf(to.port.protocol), called),
    retries: caller.towards(retries, called),
    logs: caller.towards(outboundLogs, called),
  };
  const here = refOf(dataplane, `${to.service.vip === address ? "virtual IP" : "outbound on"} ${address}:${port}`);
  const made = realCluster(contexts, context, caller, to);
  builder.cluster(made.cluster, made.endpoints, () => {
    const { from, policies } = made.reasons();
    return { from: [here, ...from], policies };
  });
  const reasons = (): Reasons => ({
    from: [here, serviceRef(to.service, to.port)],
    policies: [...said.timeouts.account(), ...said.retries.account(), ...said.logs.account(), ...(scope.tracing?.choice() ?? [])],
  });
  const routes = isHttp(to.port.protocol) ? routeConfig(scope, to, said) : undefined;
  if (routes) {
    for (const route of routes.virtualHosts.flatMap((host) => host.routes)) builder.because(route, reasons);
    builder.route(routes);
  }
  const listener: ListenerView = {
    name: outboundListenerName(address, port),
    address,
    port,
    direction: "outbound",
    ...(scope.transparent ? { bindToPort: false } : {}),
    chains: [{ filter: filterOf(scope, to, said, routes) }],
  };
  builder.listener(listener, reasons);
}

/** Named as clients know it: that of a MeshExternalService is called like its cluster. */
const routeName = ({ service, port: { cluster } }: RealTarget): string =>
  service.service.type === "MeshExternalService" ? cluster : outboundRouteName(cluster);

function routeConfig({ context, sources }: OutboundScope, to: RealTarget, said: Said): RouteConfigView {
  const requestHeaders = context.readsKumaTags ? { set: [{ name: kumaTagsHeader, value: renderKumaTags(sources) }] } : undefined;
  return {
    name: routeName(to),
    virtualHosts: [
      {
        name: to.port.cluster,
        domains: ["*"],
        ...optional("retry", retryView(said.retries.conf, to.port.protocol)),
        routes: [
          {
            match: { path: { prefix: "/" } },
            action: { type: "forward", clusters: [{ name: to.port.cluster, weight: 1 }] },
            ...optional("requestHeaders", requestHeaders),
            timeoutMs: said.timeouts.conf?.route.requestMs ?? 0,
          },
        ],
      },
    ],
  };
}

function filterOf(scope: OutboundScope, to: RealTarget, said: Said, routes: RouteConfigView | undefined): FilterChainView["filter"] {
  const { context, dataplane, sourceService, pipeFolder } = scope;
  const statPrefix = statName(to.port.cluster);
  const timeouts = said.timeouts.conf;
  const logged = { direction: "OUTBOUND" as const, sourceService, destinationService: to.port.cluster, pipeFolder };
  const logs = accessLogs(context, dataplane, said.logs.conf, { ...logged, kind: routes ? "http" : "network" });
  const accessLogViews = logs.length > 0 ? { accessLogs: logs } : {};
  if (routes) {
    return {
      type: "http",
      statPrefix,
      routes: { rds: routes.name },
      normalizePath: true,
      ...(to.port.protocol === "grpc" ? { grpcStats: true } : {}),
      ...(timeouts ? listenerTimeouts(timeouts) : {}),
      ...accessLogViews,
      ...(scope.tracing ? { tracing: scope.tracing.listener("outbound", sourceService, to.port.cluster) } : {}),
    };
  }
  return {
    type: "tcp",
    statPrefix,
    clusters: [{ name: to.port.cluster, weight: 1 }],
    ...optional("idleTimeoutMs", timeouts?.tcpIdleMs),
    ...optional("maxConnectAttempts", said.retries.conf?.maxConnectAttempts),
    ...accessLogViews,
    ...(scope.kafkaFilter && to.port.protocol === "kafka" ? { kafkaStatPrefix: statPrefix } : {}),
  };
}
