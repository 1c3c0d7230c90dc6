import type { Tags } from "@atoll/policy";
import type { MeshGatewayListener } from "@atoll/resource";
import type { Dataplane } from "../dataplane.ts";
import type { MeshGateway } from "../mesh-context.ts";

/** Tags that stand for one listener of a gateway in routes and policies; the most particular source of a tag wins. */
export function listenerTags(dataplane: Dataplane, gateway: MeshGateway, listener: MeshGatewayListener): Tags {
  return { ...dataplane.spec.networking.gateway?.tags, ...gateway.spec.tags, ...listener.tags };
}
