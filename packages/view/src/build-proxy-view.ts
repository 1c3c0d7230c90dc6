import type { Fact } from "@atoll/facts";
import { ProxyPolicies } from "@atoll/policy";
import { isBuiltinGateway } from "./dataplane.ts";
import { addGateway } from "./gateway/gateway-view.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import { optional } from "./optional.ts";
import { proxyTemplate } from "./policies/envoy-changes.ts";
import type { ProxyRef } from "./proxy-ref.ts";
import type { EndpointSetView, ProxyView, SecretView } from "./proxy-view.ts";
import { secretViews } from "./secret-views.ts";
import { addSidecar } from "./sidecar/sidecar-view.ts";
import { ViewBuilder } from "./view-builder.ts";
import { addEgress } from "./zone-proxy/egress-view.ts";
import { addIngress } from "./zone-proxy/ingress-view.ts";
import type { ZoneEgressSpec, ZoneIngressSpec } from "@atoll/resource";

/** A view whose endpoint sets are facts of their own: an instance that comes or goes changes them and leaves the rest as it is. */
export interface ProxyIntent {
  /** Without endpoints. */
  view: ProxyView;
  endpoints: readonly Fact<EndpointSetView>[];
}

/**
 * What one proxy must do: a function of the state behind `contexts` and of the proxy's own resource, and of nothing else.
 * undefined if the proxy's resource, or its mesh, does not exist.
 */
export function buildProxyView(contexts: MeshContexts, proxy: ProxyRef, builder = new ViewBuilder()): ProxyView | undefined {
  const intent = buildProxyIntent(contexts, proxy, builder);
  return intent && { ...intent.view, endpoints: intent.endpoints.map((endpoints) => endpoints.get()) };
}

/** The same for who keeps it up to date, inside of a `Watcher` of the contexts' graph. */
export function buildProxyIntent(contexts: MeshContexts, proxy: ProxyRef, builder = new ViewBuilder()): ProxyIntent | undefined {
  const view = viewWithoutEndpoints(contexts, proxy, builder);
  return view && { view, endpoints: builder.endpoints() };
}

function viewWithoutEndpoints(contexts: MeshContexts, proxy: ProxyRef, builder: ViewBuilder): ProxyView | undefined {
  const { name, mesh, metadata = {} } = proxy;
  const { zone } = contexts.inputs;
  if (proxy.type === "ingress") {
    const ingress = contexts.own<ZoneIngressSpec>("ZoneIngress", "", name);
    if (!ingress) return undefined;
    addIngress(contexts, ingress, metadata, builder);
    const view = builder.finish({ kind: "ingress", mesh: "", name, zone });
    return { ...view, secrets: secretViews(contexts, view, null, []) };
  }
  if (proxy.type === "egress") {
    const egress = contexts.own<ZoneEgressSpec>("ZoneEgress", "", name);
    if (!egress) return undefined;
    addEgress(contexts, egress, metadata, builder);
    const view = builder.finish({ kind: "egress", mesh: "", name, zone });
    return { ...view, secrets: secretViews(contexts, view, null, []) };
  }
  const context = contexts.mesh(mesh);
  const dataplane = context?.dataplane(name);
  if (!context || !dataplane) return undefined;
  let certificates: SecretView[] = [];
  const gateway = isBuiltinGateway(dataplane);
  const policies = new ProxyPolicies(context, dataplane, gateway ? context.gatewayOf(dataplane) : undefined);
  if (gateway) certificates = addGateway(contexts, context, policies, metadata, builder);
  else addSidecar(contexts, context, dataplane, metadata, builder);
  const kind = gateway ? "gateway" : "sidecar";
  const template = proxyTemplate(context, policies, kind, builder);
  const view = builder.finish({ kind, mesh, name, zone });
  return { ...view, secrets: secretViews(contexts, view, dataplane, certificates), ...optional("template", template) };
}
