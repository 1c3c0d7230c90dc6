import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { typeUrlOf } from "@atoll/envoy-api";
import { messageFault, translate, type EnvoyResources } from "@atoll/translate";
import { keepTemplate, type Keep, type ProxyTemplateView, type ProxyView, type ViewElement } from "@atoll/view";
import { PartSearch, type Division, type EncodedResource } from "@atoll/xds";
import { checked, elementsOf, partKinds, partsOf, type PartKind, type Withheld } from "./screened-part.ts";

const places = ["clusters", "endpoints", "listeners", "routes"] as const;
type Place = (typeof places)[number];
const schemas = {
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
};
const kinds = { clusters: partKinds.cluster, endpoints: partKinds.endpoints, listeners: partKinds.listener, routes: partKinds.routes };
const templateKind = { keep: (template: ProxyTemplateView, keep: Keep) => keepTemplate(template, keep) };

/** Whether an element is one of a template: it is withheld from all of a proxy, or from nothing. */
export const isOfTemplate = ({ kind }: Pick<ViewElement, "kind">): boolean => kind === "modification" || kind === "templateResource";

/**
 * The Envoy resources of a view with a template, whose parts are sound. A template may change any of them, so nothing is shared with other
 * proxies. A modification that cannot be applied, or with which Envoy would refuse something, is left out; so is what `refused` tells.
 */
export function encodeTemplated(
  view: ProxyView,
  refused: ReadonlyMap<string, string>,
): { resources: EncodedResource[]; withheld: Withheld[] } {
  const withheld: Withheld[] = [];
  const leaveOut = (element: ViewElement, reason: string) => void withheld.push({ typeUrl: "", resource: "", element, reason });
  const asked = withTemplate(view, (element) => {
    const reason = refused.get(element.id);
    if (reason !== undefined) leaveOut(element, reason);
    return reason === undefined;
  });
  const usable = withoutFaults(asked, leaveOut);
  const resources = places.flatMap((place) =>
    translate(usable)[place].flatMap((message) => {
      const name = nameOf(message);
      const encoded = checked(schemas[place], name, () => message as never);
      if (!("fault" in encoded)) return [{ ...encoded, divide: () => division(usable, place, name) }];
      const element = { id: `resource:${name}`, parent: undefined, kind: "resource" as const, name, part: view.template! };
      withheld.push({ typeUrl: typeUrlOf(schemas[place]), resource: name, element, reason: encoded.fault });
      return [];
    }),
  );
  return { resources, withheld };
}

const withTemplate = (view: ProxyView, keep: Keep): ProxyView => ({ ...view, template: keepTemplate(view.template!, keep) });
const nameOf = (message: EnvoyResources[Place][number]): string => ("clusterName" in message ? message.clusterName : message.name);

/** Without the modifications that make something of which Envoy would take nothing. */
function withoutFaults(view: ProxyView, leaveOut: (element: ViewElement, reason: string) => void): ProxyView {
  const fault = firstFault(view);
  if (fault === undefined) return view;
  const elements = elementsOf(templateKind, view.template!);
  const search = new PartSearch(partsOf(elements), new Set(), fault);
  for (let { trial } = search; trial !== undefined; { trial } = search) {
    const parts = trial;
    const reason = firstFault(withTemplate(view, ({ id }) => parts.has(id)));
    if (reason === undefined) search.accepted();
    else search.refused(reason);
  }
  for (const [id, reason] of search.bad) leaveOut(elements.get(id)!, reason);
  return withTemplate(view, ({ id }) => search.good.has(id));
}

function firstFault(view: ProxyView): string | undefined {
  try {
    const made = translate(view);
    for (const place of places) {
      for (const message of made[place]) {
        const fault = messageFault(schemas[place], message as never);
        if (fault !== undefined) return fault;
      }
    }
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** One resource taken apart: into what it was made of, and the modifications of the template. */
function division(view: ProxyView, place: Place, name: string): Division {
  const kind = kinds[place] as PartKind<object>;
  const part = (view[place] as object[]).find((one) => kind.name(one) === name);
  const elements = [...(part ? elementsOf(kind, part).values() : []), ...elementsOf(templateKind, view.template!).values()];
  return {
    parts: elements.map(({ id, parent }) => ({ id, parent: parent?.id })),
    of: (parts) => {
      const keep: Keep = ({ id }) => parts.has(id);
      const kept = part && kind.keep(part, keep);
      if (part && kept === undefined) return undefined;
      const reduced = {
        ...withTemplate(view, keep),
        [place]: (view[place] as object[]).map((one) => (one === part ? kept : one)),
      } as ProxyView;
      const message = (translate(reduced)[place] as EnvoyResources[Place]).find((one) => nameOf(one) === name);
      const made = message && checked(schemas[place], name, () => message as never);
      return made === undefined || "fault" in made ? undefined : { ...made, divide: () => division(reduced, place, name) };
    },
  };
}
