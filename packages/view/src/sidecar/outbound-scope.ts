import type { Answer, Chooser as PolicyChooser, MutualTls, SidecarCaller, Tags } from "@atoll/policy";
import type { Resource, TrafficRouteSpec } from "@atoll/resource";
import type { Dataplane } from "../dataplane.ts";
import type { ExternalService } from "../external-service.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { MeshContexts } from "../mesh-contexts.ts";
import type { Tracing } from "../policies/tracing.ts";
import type { ViewBuilder } from "../view-builder.ts";

/** What all outbounds of one dataplane have in common. */
export interface OutboundScope {
  contexts: MeshContexts;
  context: MeshContext;
  builder: ViewBuilder;
  dataplane: Dataplane;
  sources: readonly Tags[];
  /** What logs and traces call the caller. */
  sourceService: string;
  /** Asks for the policies of what is called. */
  caller: SidecarCaller;
  /** What the mesh says of mutual TLS to who calls. */
  clientTls: Answer<MutualTls>;
  /** The TrafficRoute of a service; null while the mesh has none at all, and every outbound reaches its own service. */
  trafficRoute: PolicyChooser<string, Resource<TrafficRouteSpec>> | null;
  tracing: Tracing | undefined;
  /** External services that this proxy may dial itself. */
  dialled: (service: string) => readonly ExternalService[];
  pipeFolder: string;
  ipv6: boolean;
  transparent: boolean;
  /** The Envoy has the Kafka broker filter. */
  kafkaFilter: boolean;
}
