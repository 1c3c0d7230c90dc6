import { inboundInterfaces, isTransparent } from "../dataplane.ts";
import type { Dataplane } from "../dataplane.ts";
import { localClusterName, statName } from "../names.ts";
import type { RouteView } from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { ViewBuilder } from "../view-builder.ts";

const listenerName = "probe:listener";
const routesName = "probe:route_configuration";
const getOnly = [{ name: ":method", exact: "GET" }];

/**
 * Virtual probes: a port without mutual TLS, where health checkers outside of the mesh reach the probes of the workload and nothing
 * else. A probe of a port that is no inbound's is redirected there.
 */
export function addProbes(builder: ViewBuilder, dataplane: Dataplane): void {
  const { probes, networking } = dataplane.spec;
  if (!probes?.port) return;
  const local = new Set(inboundInterfaces(dataplane).map(({ workloadPort }) => workloadPort));
  const routes = (probes.endpoints ?? []).map(({ path, inboundPath, inboundPort = 0 }): RouteView => {
    const to = { full: pathOf(inboundPath) };
    return {
      match: { path: { exact: pathOf(path) }, headers: getOnly },
      action: local.has(inboundPort)
        ? { type: "forward", clusters: [{ name: localClusterName(inboundPort), weight: 1 }], path: to }
        : { type: "redirect", port: inboundPort, statusCode: 301, path: to },
    };
  });
  builder.listener(
    {
      name: listenerName,
      address: networking.address,
      port: probes.port,
      direction: "inbound",
      reusePort: false,
      ...(isTransparent(dataplane) ? { bindToPort: false } : {}),
      chains: [
        {
          filter: {
            type: "http",
            statPrefix: statName(listenerName),
            routes: { inline: { name: routesName, virtualHosts: [{ name: "probe", domains: ["*"], routes }] } },
          },
        },
      ],
    },
    () => ({ from: [refOf(dataplane, "probes")], policies: [] }),
  );
}

const pathOf = (path: string | undefined): string => new URL(path ?? "/", "http://probe").pathname;
