import { gatewayApiKinds } from "@atoll/kubernetes";
import type { KubernetesObject } from "@atoll/kubernetes";
import type { Condition } from "../conditions.ts";

/*
 * The Gateway API's objects, as far as Atoll reads and writes them: https://gateway-api.sigs.k8s.io/reference/spec/. The API server has checked and
 * defaulted them by their schemas; where a default is missing nevertheless, the functions below give it.
 */

/** `controllerName` of the GatewayClasses that Atoll, as Kuma, carries out. */
export const controllerName = "gateways.kuma.io/controller";

export const gatewayApiGroup = gatewayApiKinds.gateway.group;

export interface GatewayClassSpec {
  readonly controllerName?: string;
  readonly parametersRef?: { readonly group: string; readonly kind: string; readonly name: string; readonly namespace?: string };
}

export interface GatewaySpec {
  readonly gatewayClassName?: string;
  readonly listeners?: readonly Listener[];
}

export interface Listener {
  readonly name: string;
  readonly hostname?: string;
  readonly port: number;
  readonly protocol: string;
  readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly ObjectReference[] };
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: "All" | "Same" | "Selector" | "None"; readonly selector?: LabelSelector };
    readonly kinds?: readonly GroupKind[];
  };
}

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

export interface GroupKind {
  readonly group?: string;
  readonly kind: string;
}

/** A reference to an object, in the namespace of what refers unless it says another. */
export interface ObjectReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface ParentReference extends ObjectReference {
  readonly sectionName?: string;
  readonly port?: number;
}

export interface BackendReference extends ObjectReference {
  readonly port?: number;
  readonly weight?: number;
}

export interface HttpRouteSpec {
  readonly parentRefs?: readonly ParentReference[];
  readonly hostnames?: readonly string[];
  readonly rules?: readonly HttpRouteRule[];
}

export interface HttpRouteRule {
  readonly matches?: readonly HttpRouteMatch[];
  readonly filters?: readonly HttpRouteFilter[];
  readonly backendRefs?: readonly (BackendReference & { readonly filters?: readonly HttpRouteFilter[] })[];
}

interface NamedMatch {
  readonly type?: string;
  readonly name: string;
  readonly value: string;
}

export interface HttpRouteMatch {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly headers?: readonly NamedMatch[];
  readonly queryParams?: readonly NamedMatch[];
  readonly method?: string;
}

export interface HeaderModifier {
  readonly set?: readonly { readonly name: string; readonly value: string }[];
  readonly add?: readonly { readonly name: string; readonly value: string }[];
  readonly remove?: readonly string[];
}

export interface PathModifier {
  readonly type: string;
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

export interface HttpRouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderModifier;
  readonly responseHeaderModifier?: HeaderModifier;
  readonly requestMirror?: { readonly backendRef: BackendReference };
  readonly requestRedirect?: {
    readonly scheme?: string;
    readonly hostname?: string;
    readonly path?: PathModifier;
    readonly port?: number;
    readonly statusCode?: number;
  };
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier };
}

export interface ReferenceGrantSpec {
  readonly from?: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
  readonly to?: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
}

export interface GatewayStatus {
  readonly conditions?: readonly Condition[];
  readonly addresses?: readonly { readonly type: string; readonly value: string }[];
  readonly listeners?: readonly ListenerStatus[];
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly GroupKind[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}

export interface RouteParentStatus {
  readonly parentRef: ParentReference;
  readonly controllerName: string;
  readonly conditions?: readonly Condition[];
}

export const classSpec = ({ spec }: KubernetesObject): GatewayClassSpec => (spec ?? {}) as GatewayClassSpec;
export const gatewaySpec = ({ spec }: KubernetesObject): GatewaySpec => (spec ?? {}) as GatewaySpec;
export const routeSpec = ({ spec }: KubernetesObject): HttpRouteSpec => (spec ?? {}) as HttpRouteSpec;
export const grantSpec = ({ spec }: KubernetesObject): ReferenceGrantSpec => (spec ?? {}) as ReferenceGrantSpec;

/** Does the reference lead to a Gateway? It does if it does not say where. */
export const isGatewayRef = ({ group = gatewayApiGroup, kind = "Gateway" }: ParentReference): boolean =>
  group === gatewayApiGroup && kind === "Gateway";

/** Does the reference lead to a Service, for the mesh? Its group is the core one; that of the Gateway API, which is what none becomes, means it too. */
export const isServiceRef = ({ group = gatewayApiGroup, kind }: ParentReference): boolean =>
  (group === "" || group === gatewayApiGroup) && kind === "Service";
