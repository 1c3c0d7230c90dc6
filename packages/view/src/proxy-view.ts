import type { JsonPatch } from "@atoll/policy";
import type { ClusterView, EndpointSetView } from "./cluster-view.ts";
import type { ListenerView } from "./listener-view.ts";
import type { RouteConfigView } from "./route-view.ts";
import type { Tags } from "./tags.ts";
import type { SecretView } from "./tls-view.ts";

export type * from "./cluster-view.ts";
export type * from "./listener-view.ts";
export type * from "./route-view.ts";
export type * from "./tags.ts";
export type * from "./tls-view.ts";
export type { JsonPatch };

/**
 * ProxyView: what one proxy must do, as plain JSON. The `view` package builds it from resources, the `translate` package
 * turns it into Envoy resources. It holds no secret material: certificates are named, and resolved when Envoy's secrets are made.
 *
 * Lists are sorted by the builder, so that equal intent is equal JSON. Times are milliseconds. Fields that are absent take
 * Envoy's default. Objects may be shared between the views of several proxies (a cluster, an endpoint set): never mutate one.
 */
export type ProxyKind = "sidecar" | "gateway" | "ingress" | "egress";

export interface ProxyView {
  kind: ProxyKind;
  /** "" for zone proxies, which serve every mesh. */
  mesh: string;
  name: string;
  zone: string;
  listeners: ListenerView[];
  routes: RouteConfigView[];
  clusters: ClusterView[];
  endpoints: EndpointSetView[];
  secrets: SecretView[];
  /** RTDS layers by name, as Envoy runtime values. */
  runtimes: { name: string; values: Record<string, number | string | boolean> }[];
  /** What is changed in Envoy's own words, last of all, in the Envoy resources. */
  template?: ProxyTemplateView;
  /** What was asked for and left out, because Envoy could not do it; everything else of the view stands. */
  problems?: ViewProblem[];
}

export interface ViewProblem {
  /** `Type/mesh/name` of the resource at fault. */
  resource: string;
  reason: string;
}

/** What MeshProxyPatches and a ProxyTemplate say of a proxy, with their YAML texts parsed: `resource` and `value` are Envoy's own JSON. */
export interface ProxyTemplateView {
  /** False with a template without `imports`: the proxy gets `resources` and nothing that would be made for it. */
  base: boolean;
  /** Changes by MeshProxyPatches of what is made, before the template's. */
  patches?: ProxyModificationView[];
  /** Whole Envoy resources with their `@type`. One of the same name replaces a made one. */
  resources: { name: string; resource: unknown }[];
  modifications: ProxyModificationView[];
}

export interface ProxyModificationView {
  target: "cluster" | "listener" | "networkFilter" | "httpFilter" | "virtualHost";
  operation: "add" | "patch" | "remove" | "addFirst" | "addLast" | "addBefore" | "addAfter";
  /** Its place in the list of its policy. */
  index: number;
  /** Every field that is present must agree; absent = all. */
  match?: {
    /** Whose part it is: "inbound", "outbound", "gateway", "transparent", "mesh-trace" and so on; what a change added has one of its own. */
    origin?: string;
    name?: string;
    /** Tags in the metadata of a listener. */
    tags?: Tags;
    listenerName?: string;
    listenerTags?: Tags;
    routeConfigurationName?: string;
  };
  value?: unknown;
  /** RFC 6902, of the JSON of what is patched, in place of `value`; of filters, of their configuration. */
  jsonPatches?: JsonPatch[];
}
