import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { typeUrlOf } from "@atoll/envoy-api";
import { messageFault, translatePart } from "@atoll/translate";
import {
  keepCluster,
  keepEndpoints,
  keepListener,
  keepRoutes,
  type ClusterView,
  type EndpointSetView,
  type Keep,
  type ListenerView,
  type RouteConfigView,
  type RouteView,
  type ViewElement,
  type VirtualHostView,
} from "@atoll/view";
import { encodeResource, PartSearch, type Division, type EncodedResource } from "@atoll/xds";

/** A part of a view that Envoy does not get, and why. */
export interface Withheld {
  typeUrl: string;
  /** Of the Envoy resource that it would be in. */
  resource: string;
  element: ViewElement;
  reason: string;
}

/** Whether an element is one of a template: it is withheld from all of a proxy, or from nothing. */
export const isOfTemplate = ({ kind }: Pick<ViewElement, "kind">): boolean => kind === "modification" || kind === "templateResource";

/** One kind of part of a view, and the Envoy resource that is made of it. */
export interface PartKind<View extends object> {
  typeUrl: string;
  keep(view: View, keep: Keep): View | undefined;
  name(view: View): string;
  /** Encodes it, or says why Envoy would not take it. */
  make(view: View): EncodedResource | { fault: string };
}

function partKind<View extends object, Desc extends DescMessage>(
  schema: Desc,
  kind: Pick<PartKind<View>, "keep" | "name"> & { translate(view: View): MessageShape<Desc> },
): PartKind<View> {
  return { ...kind, typeUrl: typeUrlOf(schema), make: (view) => checked(schema, kind.name(view), () => kind.translate(view)) };
}

/** The resource, unless the message cannot be made or is not what Envoy takes. */
export function checked<Desc extends DescMessage>(
  schema: Desc,
  name: string,
  make: () => MessageShape<Desc>,
): EncodedResource | { fault: string } {
  try {
    const message = make();
    const fault = messageFault(schema, message);
    return fault === undefined ? encodeResource(schema, name, message) : { fault };
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

export const partKinds = {
  cluster: partKind<ClusterView, typeof ClusterSchema>(ClusterSchema, {
    keep: keepCluster,
    name: ({ name }) => name,
    translate: translatePart.cluster,
  }),
  endpoints: partKind<EndpointSetView, typeof ClusterLoadAssignmentSchema>(ClusterLoadAssignmentSchema, {
    keep: keepEndpoints,
    name: ({ cluster }) => cluster,
    translate: translatePart.endpoints,
  }),
  listener: partKind<ListenerView, typeof ListenerSchema>(ListenerSchema, {
    keep: keepListener,
    name: ({ name }) => name,
    translate: translatePart.listener,
  }),
  routes: partKind<RouteConfigView, typeof RouteConfigurationSchema>(RouteConfigurationSchema, {
    keep: keepRoutes,
    name: ({ name }) => name,
    translate: translatePart.routes,
  }),
};

export interface ScreenedPart {
  /** What Envoy gets of it, and that as a part of the view; undefined if nothing is left. */
  resource: EncodedResource | undefined;
  left: object | undefined;
  withheld: Withheld[];
}

/**
 * The Envoy resource of a part of a view, without what Envoy would refuse: without it the whole would not be taken. What is refused is
 * looked for among the elements one by one, then among their combinations.
 */
export function screenPart<View extends object>(kind: PartKind<View>, view: View): ScreenedPart {
  const whole = kind.make(view);
  if (!("fault" in whole)) return { resource: divisible(kind, view, whole), left: view, withheld: [] };
  const withheld: Withheld[] = [];
  const name = kind.name(view);
  const leaveOut = (element: ViewElement, reason: string) => void withheld.push({ typeUrl: kind.typeUrl, resource: name, element, reason });
  const sound = kind.keep(view, (element) => {
    const fault = elementFault(element);
    if (fault !== undefined) leaveOut(element, fault);
    return fault === undefined;
  });
  if (sound === undefined) return { resource: undefined, left: undefined, withheld };
  const made = withheld.length === 0 ? whole : kind.make(sound);
  if (!("fault" in made)) return { resource: divisible(kind, sound, made), left: sound, withheld };
  const elements = elementsOf(kind, sound);
  const search = new PartSearch(partsOf(elements), new Set(), made.fault);
  let left: View | undefined = sound;
  let resource: EncodedResource | { fault: string } | undefined = made;
  for (let { trial } = search; trial !== undefined; { trial } = search) {
    const parts = trial;
    left = kind.keep(sound, ({ id }) => parts.has(id));
    resource = left && kind.make(left);
    if (resource !== undefined && "fault" in resource) search.refused(resource.fault);
    else search.accepted();
  }
  for (const [id, reason] of search.bad) leaveOut(elements.get(id)!, reason);
  left = kind.keep(sound, ({ id }) => search.good.has(id));
  resource = left && kind.make(left);
  if (left === undefined || resource === undefined || "fault" in resource) return { resource: undefined, left: undefined, withheld };
  return { resource: divisible(kind, left, resource), left, withheld };
}

/** The elements by their ids, parents first. */
export function elementsOf<View extends object>(kind: Pick<PartKind<View>, "keep">, view: View): Map<string, ViewElement> {
  const elements = new Map<string, ViewElement>();
  kind.keep(view, (element) => {
    if (!elements.has(element.id)) elements.set(element.id, element);
    return true;
  });
  return elements;
}

export const partsOf = (elements: ReadonlyMap<string, ViewElement>) =>
  [...elements.values()].map(({ id, parent }) => ({ id, parent: parent?.id }));

/** The resource with the way to take it apart, should an Envoy refuse it. */
function divisible<View extends object>(kind: PartKind<View>, view: View, resource: EncodedResource): EncodedResource {
  const divide = (): Division => ({
    parts: partsOf(elementsOf(kind, view)),
    of: (parts) => {
      const left = kind.keep(view, ({ id }) => parts.has(id));
      const made = left && kind.make(left);
      return left === undefined || made === undefined || "fault" in made ? undefined : divisible(kind, left, made);
    },
  });
  return { ...resource, divide };
}

const somewhere: RouteView["match"] = { path: { prefix: "/" } };
const nothing: RouteView["action"] = { type: "directResponse", status: 500, body: "" };
const routesFault = (host: Partial<VirtualHostView>): string | undefined => {
  const made = partKinds.routes.make({ name: "routes", virtualHosts: [{ name: "host", domains: ["*"], routes: [], ...host }] });
  return "fault" in made ? made.fault : undefined;
};

/** What is wrong with an element by itself; of kinds that are few in a part nothing is said. */
function elementFault({ kind, part, parent }: ViewElement): string | undefined {
  switch (kind) {
    case "virtualHost":
      return routesFault({ ...(part as VirtualHostView), retry: undefined, routes: [] } as Partial<VirtualHostView>);
    case "route":
      return routesFault({ routes: [{ match: (part as RouteView).match, action: nothing }] });
    case "action": {
      const { retry: _retry, rateLimit: _rateLimit, fault: _fault, action, ...route } = parent!.part as RouteView;
      const own = action.type === "forward" ? { ...action, mirrors: [], hashPolicies: [] } : action;
      return routesFault({ routes: [{ ...route, match: somewhere, action: own as RouteView["action"] }] });
    }
    case "retry":
    case "rateLimit":
    case "fault":
      return routesFault({
        routes: [{ match: somewhere, action: { type: "forward", clusters: [{ name: "c", weight: 1 }] }, [kind]: part }],
      });
    case "endpoint": {
      const endpoint = part as EndpointSetView["localities"][number]["endpoints"][number];
      const made = partKinds.endpoints.make({ cluster: "c", localities: [{ priority: 0, endpoints: [endpoint] }] });
      return "fault" in made ? made.fault : undefined;
    }
    default:
      return undefined;
  }
}
