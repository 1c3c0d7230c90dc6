import { typeUrls } from "@atoll/envoy-api";
import { RuntimeSchema } from "@atoll/envoy-api/envoy/service/runtime/v3/rtds_pb.js";
import { translatePart } from "@atoll/translate";
import type { ProxyView } from "@atoll/view";
import { encodeResource, type EncodedResource } from "@atoll/xds";
import { partKinds, screenPart, type PartKind, type ScreenedPart, type Withheld } from "./screened-part.ts";
import { refusalKey, templateKey, type Refusals } from "./refusals.ts";
import { TemplateEncoder } from "./template-encoder.ts";

/** typeUrl -> name -> resource. */
export type EncodedResources = Map<string, ReadonlyMap<string, EncodedResource>>;

export interface EncodedView {
  resources: EncodedResources;
  withheld: Withheld[];
}

/** A view that was encoded before, and what came of it. */
export interface FormerView {
  view: ProxyView;
  refusals: Refusals;
  resources: ReadonlyMap<string, ReadonlyMap<string, EncodedResource>>;
  withheld: readonly Withheld[];
}

const kinds = { clusters: partKinds.cluster, endpoints: partKinds.endpoints, listeners: partKinds.listener, routes: partKinds.routes };
/**
 * Turns views into encoded Envoy resources. Each part of a view is translated, screened and encoded once, however many views share it. Only
 * the bytes are kept: the messages take many times as much memory, and a thousand proxies have tens of thousands.
 */
export class ViewEncoder {
  readonly #known = new WeakMap<object, ScreenedPart>();
  readonly #runtimes = new WeakMap<object, EncodedResource>();
  readonly #templates = new TemplateEncoder();

  /** `refusals`: what the proxy's Envoy does not take, of which it gets nothing. `former`: parts that are as they were there are taken over. */
  encode(view: ProxyView, refusals: Refusals = new Map(), former?: FormerView): EncodedView {
    const resources: EncodedResources = new Map();
    const withheld: Withheld[] = [];
    const comparable = former !== undefined && isPlain(former.view, former.withheld) && former.refusals === refusals;
    const sound = { ...view };
    const plain = new Map<object, EncodedResource>();
    for (const place of ["clusters", "endpoints", "listeners", "routes"] as const) {
      if (comparable && view.template === undefined && former.view[place] === view[place]) {
        const known = former.resources.get(kinds[place].typeUrl);
        if (known) resources.set(kinds[place].typeUrl, known);
        continue;
      }
      const screened = view[place].map((part) => this.#screen(kinds[place] as PartKind<object>, part, refusals));
      for (const one of screened) withheld.push(...one.withheld);
      if (view.template === undefined) {
        const ofType = new Map<string, EncodedResource>();
        for (const { resource } of screened) if (resource !== undefined) ofType.set(resource.name, resource);
        if (ofType.size > 0) resources.set(kinds[place].typeUrl, ofType);
        continue;
      }
      for (const { resource, left } of screened) if (resource !== undefined && left !== undefined) plain.set(left, resource);
      sound[place] = screened.flatMap(({ left }) => left ?? []) as never;
    }
    if (view.template !== undefined) {
      const templated = this.#templates.encode(sound, refusals.get(templateKey) ?? new Map(), plain);
      for (const resource of templated.resources) addResource(resources, resource);
      withheld.push(...templated.withheld);
    }
    for (const part of view.runtimes) {
      let known = this.#runtimes.get(part);
      if (known === undefined) this.#runtimes.set(part, (known = runtimeOf(part)));
      addResource(resources, known);
    }
    return { resources, withheld };
  }

  /** Endpoint sets alone, by cluster: what changes when an instance comes or goes. */
  encodeEndpoints(
    sets: readonly ProxyView["endpoints"][number][],
    refusals: Refusals = new Map(),
  ): { resources: Map<string, EncodedResource>; withheld: Withheld[] } {
    const screened = sets.map((part) => this.#screen(kinds.endpoints as PartKind<object>, part, refusals));
    return {
      resources: new Map(screened.flatMap(({ resource }) => (resource ? [[resource.name, resource] as const] : []))),
      withheld: screened.flatMap(({ withheld }) => withheld),
    };
  }

  #screen(kind: PartKind<object>, part: object, refusals: Refusals): ScreenedPart {
    // Hardly any proxy refuses anything, and each has many parts.
    const refused = refusals.size === 0 ? undefined : refusals.get(refusalKey(kind.typeUrl, kind.name(part)));
    if (refused === undefined) return this.#screened(kind, part);
    const withheld: Withheld[] = [];
    const left = kind.keep(part, (element) => {
      const reason = refused.get(element.id);
      if (reason !== undefined) withheld.push({ typeUrl: kind.typeUrl, resource: kind.name(part), element, reason });
      // One that is refused whole stays in the snapshot: who has a former version of it keeps that.
      return reason === undefined || element.parent === undefined;
    });
    // What was refused is not in it any more: the part is as it was.
    if (withheld.length === 0) return this.#screened(kind, part);
    if (left === undefined) return { resource: undefined, left, withheld };
    const rest = screenPart(kind, left);
    return { ...rest, withheld: [...withheld, ...rest.withheld] };
  }

  #screened(kind: PartKind<object>, part: object): ScreenedPart {
    let known = this.#known.get(part);
    if (known === undefined) this.#known.set(part, (known = screenPart(kind, part)));
    return known;
  }
}

/** Nothing is changed by a template, and nothing left out. */
export const isPlain = ({ template }: ProxyView, withheld: readonly Withheld[]): boolean => template === undefined && withheld.length === 0;

export const endpointType = typeUrls.endpoint;

export function addResource(resources: EncodedResources, resource: EncodedResource): void {
  const ofType = resources.get(resource.typeUrl) as Map<string, EncodedResource> | undefined;
  if (ofType === undefined) resources.set(resource.typeUrl, new Map([[resource.name, resource]]));
  else ofType.set(resource.name, resource);
}

const runtimeOf = (part: ProxyView["runtimes"][number]) => encodeResource(RuntimeSchema, part.name, translatePart.runtime(part));
