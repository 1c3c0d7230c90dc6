import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { ListenerSchema } from "@atoll/envoy-api/envoy/config/listener/v3/listener_pb.js";
import { RouteConfigurationSchema } from "@atoll/envoy-api/envoy/config/route/v3/route_pb.js";
import { typeUrlOf } from "@atoll/envoy-api";
import { applyProxyTemplate, translatePart, type EnvoyResources } from "@atoll/translate";
import { keepTemplate, type Keep, type ProxyKind, type ProxyTemplateView, type ProxyView, type ViewElement } from "@atoll/view";
import { PartSearch, type Division, type EncodedResource } from "@atoll/xds";
import { checked, elementsOf, partKinds, partsOf, type PartKind, type Withheld } from "./screened-part.ts";

const places = ["clusters", "endpoints", "listeners", "routes"] as const;
type Place = (typeof places)[number];
type Message = EnvoyResources[Place][number];
const schemas = {
  clusters: ClusterSchema,
  endpoints: ClusterLoadAssignmentSchema,
  listeners: ListenerSchema,
  routes: RouteConfigurationSchema,
};
const kinds = { clusters: partKinds.cluster, endpoints: partKinds.endpoints, listeners: partKinds.listener, routes: partKinds.routes };
const translators: Record<Place, (part: never) => Message> = {
  clusters: translatePart.cluster,
  endpoints: translatePart.endpoints,
  listeners: translatePart.listener,
  routes: translatePart.routes,
};
const nothing: EnvoyResources = { clusters: [], endpoints: [], listeners: [], routes: [], runtimes: [] };
const templateKind = { keep: (template: ProxyTemplateView, keep: Keep) => keepTemplate(template, keep) };
const nameOf = (message: Message): string => ("clusterName" in message ? message.clusterName : message.name);

type Made = EncodedResource | { fault: string };

/** What is known of one template, for one kind of proxy. */
interface Known {
  /** What there is by the template alone, whatever else the proxy has. */
  added: ReadonlyMap<string, { place: Place; name: string; made: Made }>;
  /** Names that the template gives: what is made under one of them gives way. */
  names: ReadonlySet<string>;
  /** The template without what it adds. */
  changes: ProxyTemplateView;
  /** Resources by the parts of views that they are made of; null: the template takes it away. */
  parts: WeakMap<object, Made | null>;
  /** What is left of the template, by the ids of the elements. */
  left: Map<string, ProxyTemplateView>;
}

/**
 * Encodes views with a template. A template changes each resource by itself, so each is made once for all proxies that have the part and the
 * template; those that it leaves as they are are the ones that everybody has.
 */
export class TemplateEncoder {
  readonly #known = new WeakMap<ProxyTemplateView, Map<ProxyKind, Known>>();

  /**
   * The Envoy resources of a view, whose parts are sound; `plain` has them as they are without the template. A modification that cannot be
   * applied, or with which Envoy would refuse something, is left out; so is what `refused` tells.
   */
  encode(
    view: ProxyView,
    refused: ReadonlyMap<string, string>,
    plain: ReadonlyMap<object, EncodedResource>,
  ): { resources: EncodedResource[]; withheld: Withheld[] } {
    const withheld: Withheld[] = [];
    const leaveOut = (element: ViewElement, reason: string) => void withheld.push({ typeUrl: "", resource: "", element, reason });
    const template = view.template!;
    const elements = elementsOf(templateKind, template);
    for (const [id, element] of elements) if (refused.has(id)) leaveOut(element, refused.get(id)!);
    const asked = this.#left(view, template, (id) => !refused.has(id), elements);
    const usable = this.#withoutFaults(view, asked, plain, leaveOut);
    const resources: EncodedResource[] = [];
    for (const { place, name, made } of this.#made(view, usable, plain)) {
      if (!("fault" in made)) {
        resources.push(made);
        continue;
      }
      const element = { id: `resource:${name}`, parent: undefined, kind: "resource" as const, name, part: template };
      withheld.push({ typeUrl: typeUrlOf(schemas[place]), resource: name, element, reason: made.fault });
    }
    return { resources, withheld };
  }

  /** Without the modifications that make something of which Envoy would take nothing. */
  #withoutFaults(
    view: ProxyView,
    template: ProxyTemplateView,
    plain: ReadonlyMap<object, EncodedResource>,
    leaveOut: (element: ViewElement, reason: string) => void,
  ): ProxyTemplateView {
    const firstFault = (tried: ProxyTemplateView): string | undefined => {
      for (const { made } of this.#made(view, tried, plain)) if ("fault" in made) return made.fault;
      return undefined;
    };
    const fault = firstFault(template);
    if (fault === undefined) return template;
    const elements = elementsOf(templateKind, template);
    const search = new PartSearch(partsOf(elements), new Set(), fault);
    for (let { trial } = search; trial !== undefined; { trial } = search) {
      const parts = trial;
      const reason = firstFault(this.#left(view, template, (id) => parts.has(id), elements));
      if (reason === undefined) search.accepted();
      else search.refused(reason);
    }
    for (const [id, reason] of search.bad) leaveOut(elements.get(id)!, reason);
    return this.#left(view, template, (id) => search.good.has(id), elements);
  }

  *#made(
    view: ProxyView,
    template: ProxyTemplateView,
    plain: ReadonlyMap<object, EncodedResource>,
  ): Generator<{ place: Place; name: string; made: Made }> {
    const known = this.#of(template, view.kind);
    yield* known.added.values();
    if (!template.base) return;
    for (const place of places) {
      for (const part of view[place] as object[]) {
        const name = (kinds[place] as PartKind<object>).name(part);
        if (known.names.has(`${place} ${name}`)) continue;
        let made = known.parts.get(part);
        if (made === undefined) known.parts.set(part, (made = changed({ template, known, kind: view.kind }, place, part, plain.get(part))));
        if (made !== null) yield { place, name, made };
      }
    }
  }

  #of(template: ProxyTemplateView, kind: ProxyKind): Known {
    let ofKinds = this.#known.get(template);
    if (ofKinds === undefined) this.#known.set(template, (ofKinds = new Map()));
    let known = ofKinds.get(kind);
    if (known === undefined) ofKinds.set(kind, (known = knownOf(template, kind)));
    return known;
  }

  /** The same object for the same elements, so that what is made with it is known. */
  #left(
    { kind }: ProxyView,
    template: ProxyTemplateView,
    stays: (id: string) => boolean,
    elements: ReadonlyMap<string, ViewElement>,
  ): ProxyTemplateView {
    const ids = [...elements.keys()].filter(stays);
    if (ids.length === elements.size) return template;
    const { left } = this.#of(template, kind);
    const key = ids.join(" ");
    let kept = left.get(key);
    if (kept === undefined) left.set(key, (kept = keepTemplate(template, ({ id }) => stays(id))));
    return kept;
  }
}

const isWhole = ({ target, operation }: NonNullable<ProxyTemplateView["patches"]>[number]): boolean =>
  operation === "add" && (target === "cluster" || target === "listener");

function knownOf(template: ProxyTemplateView, kind: ProxyKind): Known {
  const { resources, patches = [], modifications } = template;
  const names = new Set<string>();
  for (const { target, operation, value } of [...patches, ...modifications]) {
    if (operation === "add" && target === "cluster") names.add(`clusters ${String((value as { name?: unknown } | undefined)?.name)}`);
    if (operation === "add" && target === "listener") names.add(`listeners ${String((value as { name?: unknown } | undefined)?.name)}`);
  }
  const added = new Map<string, { place: Place; name: string; made: Made }>();
  try {
    for (const { place, name, message } of alone(template, kind)) {
      names.add(`${place} ${name}`);
      added.set(`${place} ${name}`, { place, name, made: encoded({ template, kind }, place, name, undefined, message) });
    }
  } catch (error) {
    added.set("", { place: "clusters", name: "", made: { fault: error instanceof Error ? error.message : String(error) } });
  }
  // Raw resources that a modification takes away again still take the place of what is made.
  for (const { resource } of resources) {
    const { name, clusterName, cluster_name } = resource as { name?: string; clusterName?: string; cluster_name?: string };
    for (const place of places)
      if (String((resource as { "@type"?: string })["@type"]).endsWith(typeNames[place]))
        names.add(`${place} ${name ?? clusterName ?? cluster_name ?? ""}`);
  }
  const rest = (list: typeof modifications) => list.filter((one) => !isWhole(one));
  const changes = { ...template, resources: [], patches: rest(patches), modifications: rest(modifications) };
  return { added, names, changes, parts: new WeakMap(), left: new Map() };
}

const typeNames: Record<Place, string> = {
  clusters: ".Cluster",
  endpoints: ".ClusterLoadAssignment",
  listeners: ".Listener",
  routes: ".RouteConfiguration",
};

/** What a template makes where there is nothing else. */
function alone(template: ProxyTemplateView, kind: ProxyKind): { place: Place; name: string; message: Message }[] {
  const made = applyProxyTemplate(nothing, template, kind);
  return places.flatMap((place) => (made[place] as Message[]).map((message) => ({ place, name: nameOf(message), message })));
}

/** What becomes of one part. */
function changed(
  { template, known, kind }: { template: ProxyTemplateView; known: Known; kind: ProxyKind },
  place: Place,
  part: object,
  plain: EncodedResource | undefined,
): Made | null {
  try {
    const before = translators[place](part as never);
    const [message] = applyProxyTemplate({ ...nothing, [place]: [before] }, known.changes, kind)[place] as Message[];
    if (message === undefined) return null;
    if (message === before && plain !== undefined) return plain;
    return encoded({ template, kind }, place, nameOf(message), part, message);
  } catch (error) {
    return { fault: error instanceof Error ? error.message : String(error) };
  }
}

type Of = { template: ProxyTemplateView; kind: ProxyKind };

function encoded(of: Of, place: Place, name: string, part: object | undefined, message: Message): Made {
  const made = checked(schemas[place], name, () => message as never);
  return "fault" in made ? made : { ...made, divide: () => division(of, place, name, part) };
}

/** One resource taken apart: into what it was made of, and the modifications of the template. */
function division({ template, kind }: Of, place: Place, name: string, part: object | undefined): Division {
  const partKind = kinds[place] as PartKind<object>;
  const elements = [...(part ? elementsOf(partKind, part).values() : []), ...elementsOf(templateKind, template).values()];
  return {
    parts: elements.map(({ id, parent }) => ({ id, parent: parent?.id })),
    of: (parts) => {
      const keep: Keep = ({ id }) => parts.has(id);
      const kept = part && partKind.keep(part, keep);
      if (part && kept === undefined) return undefined;
      const reduced = keepTemplate(template, keep);
      const before = kept === undefined ? nothing : { ...nothing, [place]: [translators[place](kept as never)] };
      const message = (applyProxyTemplate(before, reduced, kind)[place] as Message[]).find((one) => nameOf(one) === name);
      const made = message && encoded({ template: reduced, kind }, place, name, kept, message);
      return made === undefined || "fault" in made ? undefined : made;
    },
  };
}
