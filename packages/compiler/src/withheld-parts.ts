import { typeUrls } from "@atoll/envoy-api";
import { culpritsOf, type ElementKind, type MeshContexts, type ProxyRef, type ResourceRef, type SoughtElement } from "@atoll/view";
import { isOfTemplate, type Withheld } from "./screened-part.ts";

/** A part of a proxy that its Envoy does not get, in terms of the mesh. */
export interface WithheldPart {
  /** In words, such as `route "/a" of virtualHost "web.example", edge:HTTP:8080:*`. */
  part: string;
  kind: ElementKind;
  /** Envoy's words, or those of the rules that it checks; one line. */
  reason: string;
  /** What it was made from. */
  from: ResourceRef[];
}

const places: Readonly<Record<string, SoughtElement["place"]>> = {
  [typeUrls.cluster]: "clusters",
  [typeUrls.endpoint]: "endpoints",
  [typeUrls.listener]: "listeners",
  [typeUrls.route]: "routes",
};

/** Whose parts they are, and what these are made from. */
interface NamedBy {
  contexts: MeshContexts;
  ref: ProxyRef;
}

/** Keeps account of what is withheld from which proxy, and tells when that changes. */
export class WithheldParts {
  readonly #onChange: (nodeId: string, withheld: readonly WithheldPart[]) => void;
  readonly #nodes = new Map<string, { key: string; parts: readonly WithheldPart[] }>();

  constructor(onChange: (nodeId: string, withheld: readonly WithheldPart[]) => void) {
    this.#onChange = onChange;
  }

  of(nodeId: string): readonly WithheldPart[] {
    return this.#nodes.get(nodeId)?.parts ?? [];
  }

  /** What is withheld now. Where it comes from is looked up only if it is something else than before. */
  set(nodeId: string, withheld: readonly Withheld[], proxy?: NamedBy): void {
    const key = JSON.stringify(withheld.map(({ typeUrl, resource, element, reason }) => [typeUrl, resource, element.id, reason]));
    const before = this.#nodes.get(nodeId);
    if (withheld.length === 0 && before === undefined) return;
    if (before?.key === key) return;
    const parts = proxy === undefined ? [] : this.#name(withheld, proxy);
    if (withheld.length === 0) this.#nodes.delete(nodeId);
    else this.#nodes.set(nodeId, { key, parts });
    this.#onChange(nodeId, parts);
  }

  #name(withheld: readonly Withheld[], { contexts, ref }: NamedBy): WithheldPart[] {
    const sought = withheld.map(({ typeUrl, resource, element }): SoughtElement => {
      const { id, kind } = element;
      const templated = isOfTemplate(element) || id.startsWith("dangling:");
      return { place: templated ? "template" : (places[typeUrl] ?? "template"), resource, id, kind };
    });
    const culprits = culpritsOf(contexts, ref, sought);
    return withheld.map(({ element, resource, reason }, index) => ({
      part: placeOf(element, resource),
      kind: element.kind,
      reason,
      from: culprits[index]!,
    }));
  }
}

/** Which part it is, from the inside out. */
function placeOf({ kind, name, parent }: Withheld["element"], resource: string): string {
  const own = kind === "resource" ? (name === resource ? "" : name) : name === "" ? kind : `${kind} "${name}"`;
  const around = parent === undefined ? resource : placeOf(parent, resource);
  return own === "" ? around || name : around === "" ? own : `${own} of ${around}`;
}
