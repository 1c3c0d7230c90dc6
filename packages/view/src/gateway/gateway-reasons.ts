import { choiceOf, silenced } from "@atoll/policy";
import type { PolicyChoice, PolicyVerdict } from "@atoll/policy";
import { refOf } from "../reasons.ts";
import type { Reasons, ResourceRef } from "../reasons.ts";
import type { RouteView } from "../proxy-view.ts";
import type { GatewayScope, RoutePolicies } from "./gateway-scope.ts";
import { attachment } from "./host.ts";
import type { GatewayHost, GatewayRoute, TaggedListener } from "./host.ts";
import { servesHostOf } from "./route-entry.ts";
import type { RouteEntry } from "./route-entry.ts";

/** What makes a port of a gateway: its listeners, and what acts on the gateway as a whole. */
export function gatewayListenerReasons(scope: GatewayScope, listeners: readonly TaggedListener[], logs: PolicyChoice[]): Reasons {
  const { context, dataplane, tracing } = scope;
  return {
    from: [
      refOf(dataplane),
      ...listeners.map(({ hostname, port }) => gatewayRef(scope, hostname || "*", port)),
      ...(listeners[0]?.crossMesh ? [refOf(context.mesh, "mTLS, crossMesh")] : []),
    ],
    policies: [...choiceOf(context.gatewayCandidates(dataplane)), ...logs, ...(tracing?.choice() ?? [])],
  };
}

const gatewayRef = ({ gateway }: GatewayScope, hostname: string, port: number): ResourceRef =>
  refOf(gateway, `listener for ${hostname} on port ${port}`);

/** Which routes have a say on a host, and why the others have none. */
export function hostReasons(scope: GatewayScope, host: GatewayHost, port: number, kind: "http" | "tcp"): Reasons {
  const all = scope.context.resources<GatewayRoute["spec"]>("MeshGatewayRoute");
  const verdictOf = (route: GatewayRoute): PolicyVerdict["verdict"] => {
    if (host.steered) return "replaced";
    const attached = attachment(route, host.tags, kind === "http");
    if (attached !== "acts") return attached;
    return host.routes.includes(route) && (kind === "tcp" || servesHostOf(route, host)) ? "acts" : "otherHost";
  };
  const candidates = all.map((route): PolicyVerdict => ({ name: route.name, revision: route.revision, verdict: verdictOf(route) }));
  const acting = candidates.filter(({ verdict }) => verdict === "acts");
  const routes: PolicyChoice = {
    type: "MeshGatewayRoute",
    mesh: scope.context.name,
    candidates: [...acting, ...candidates.filter(({ verdict }) => verdict !== "acts")],
  };
  const steering = [...(host.steered?.http ?? []), ...(host.steered?.tcp ?? [])].flatMap((answer) => answer.account());
  return { from: [gatewayRef(scope, host.hostname, port)], policies: [...(candidates.length > 0 ? [routes] : []), ...steering] };
}

/** Policies of one route, for all its backends together. */
export function routeReasons(scope: GatewayScope, entry: RouteEntry, route: RouteView, said: RoutePolicies): Reasons {
  return {
    from: entryRef(scope, entry),
    policies: [
      ...silenced(
        said.timeouts.account(),
        said.timeouts.conf?.route.requestMs === undefined && said.timeouts.conf?.route.streamIdleMs === undefined,
      ),
      ...silenced(said.retries.account(), route.retry === undefined),
      ...silenced(said.limit.account(), route.rateLimit === undefined),
      ...(said.fault?.account() ?? []),
    ],
  };
}

/** The rule that an entry was made of. */
export function entryRef({ context }: GatewayScope, { ref, route, rule }: RouteEntry): ResourceRef[] {
  if (ref) return [ref];
  const found = context.resources<GatewayRoute["spec"]>("MeshGatewayRoute").find(({ name }) => name === route);
  return found ? [refOf(found, `rule ${rule}`)] : [];
}
