import { isBuiltinGateway } from "./dataplane.ts";
import { addGateway } from "./gateway/gateway-view.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import { optional } from "./optional.ts";
import type { ProxyRef } from "./proxy-ref.ts";
import { proxyTemplate } from "./proxy-template.ts";
import type { ProxyView, SecretView } from "./proxy-view.ts";
import { secretViews } from "./secret-views.ts";
import { addSidecar } from "./sidecar/sidecar-view.ts";
import { ViewBuilder } from "./view-builder.ts";
import { addEgress } from "./zone-proxy/egress-view.ts";
import { addIngress } from "./zone-proxy/ingress-view.ts";
import type { ZoneEgressSpec, ZoneIngressSpec } from "@atoll/resource";

/**
 * What one proxy must do: a function of the state behind `contexts` and of the proxy's own resource, and of nothing else.
 * undefined if the proxy's resource, or its mesh, does not exist.
 */
export function buildProxyView(contexts: MeshContexts, proxy: ProxyRef, builder = new ViewBuilder()): ProxyView | undefined {
  const { name, mesh, metadata = {} } = proxy;
  const { zone, zoneResources } = contexts.inputs;
  if (proxy.type === "ingress") {
    const ingress = zoneResources.get<ZoneIngressSpec>("ZoneIngress", "", name);
    if (!ingress) return undefined;
    addIngress(contexts, ingress, metadata, builder);
    const view = builder.finish({ kind: "ingress", mesh: "", name, zone });
    return { ...view, secrets: secretViews(contexts, view, null, []) };
  }
  if (proxy.type === "egress") {
    const egress = zoneResources.get<ZoneEgressSpec>("ZoneEgress", "", name);
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
  if (gateway) certificates = addGateway(contexts, context, dataplane, metadata, builder);
  else addSidecar(contexts, context, dataplane, metadata, builder);
  const kind = gateway ? "gateway" : "sidecar";
  const template = proxyTemplate(context, dataplane, kind, builder);
  const view = builder.finish({ kind, mesh, name, zone });
  return { ...view, secrets: secretViews(contexts, view, dataplane, certificates), ...optional("template", template) };
}
