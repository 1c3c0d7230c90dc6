import type { DataplaneSpec, MeshGatewaySpec, Resource } from "@atoll/resource";
import type { PolicyList } from "../outbound-policy.ts";
import { anyValue } from "../selector.ts";
import type { Selector, Tags } from "../selector.ts";
import { displayNameOf, referencedId, resourceIdOf, resourceIdText } from "../target/resource-id.ts";
import { serviceTag, topOf } from "../target/target-ref.ts";
import type { TargetedPolicy } from "../target/target-ref.ts";
import type { PolicyMesh } from "./policy-mesh.ts";

/**
 * Places stand for what policies can be told apart by before anything is matched: the services at either end, and the one proxy or gateway
 * that is meant. Whoever chooses looks at the policies of its places alone, so that the others can be many, and change, at no cost to it.
 */
interface AnySpec {
  sources?: readonly Selector[];
  destinations?: readonly Selector[];
  selectors?: readonly Selector[];
}

const between = (from: string, to: string): string => `${from} > ${to}`;
const towards = (to: string): string => `> ${to}`;
const on = (what: string): string => `on ${what}`;

/** Of what is for nobody in particular. */
export const anyPlace = on(anyValue);
/** Of what is for one proxy, by its id. */
export const ownPlace = on;

/** Services that selectors name; `*` for one that names none. */
const servicesIn = (selectors: readonly Selector[] | undefined): string[] => [
  ...new Set((selectors ?? []).map(({ match }) => match?.[serviceTag] ?? anyValue)),
];

const servicesOf = (tagSets: readonly Tags[]): string[] => [...new Set([...tagSets.map((tags) => tags[serviceTag] ?? ""), anyValue])];

/** Every place in which a policy, or a MeshGateway or one of its routes, may have a say. */
export function placesOf(policy: Resource): string[] {
  const { sources, destinations, selectors } = policy.spec as AnySpec;
  if (sources || destinations) {
    const to = servicesIn(destinations);
    return [...to.map(towards), ...servicesIn(sources).flatMap((from) => to.map((one) => between(from, one)))];
  }
  if (selectors) return (selectors.length === 0 ? [anyValue] : servicesIn(selectors)).map(on);
  return [on(targetOf(policy as TargetedPolicy))];
}

/** What a policy with a targetRef is for, where that can be told from its name alone. */
function targetOf(policy: TargetedPolicy): string {
  const top = topOf(policy);
  if (top.kind === "MeshService") return top.name ?? "";
  // Its tags may name another service, which is then the one that is meant.
  if (top.kind === "MeshServiceSubset") return top.tags?.[serviceTag] ?? top.name ?? "";
  if (top.kind === "MeshSubset") return top.tags?.[serviceTag] ?? anyValue;
  if (top.kind === "MeshGateway") return `gateway ${top.name ?? ""}`;
  if (top.kind === "Dataplane" && top.name && !top.labels) return resourceIdText(referencedId(policy, top));
  return anyValue;
}

/** Where policies choose for connections from somebody with these tag sets. */
export const connecting = <Spec>(mesh: PolicyMesh, type: string, from: readonly Tags[]): PolicyList<Resource<Spec>> => {
  const callers = servicesOf(from);
  return {
    all: () => mesh.resources<Spec>(type),
    to: (service) =>
      mesh.placed<Spec>(
        type,
        callers.flatMap((caller) => [between(caller, service), between(caller, anyValue)]),
      ),
  };
};

/** Where policies choose for connections to somebody with one of these tag sets, whoever calls. */
export const calledPlaces = (to: readonly Tags[]): string[] => servicesOf(to).map(towards);

/** Where policies with selectors choose for something with these tag sets as a whole. */
export const proxyPlaces = (tagSets: readonly Tags[]): string[] => servicesOf(tagSets).map(on);

/** The same for policies with a targetRef. */
export function targetPlaces(dataplane: Resource<DataplaneSpec>, gateway: Resource<MeshGatewaySpec> | undefined): string[] {
  const { networking } = dataplane.spec;
  const own = [networking.gateway?.tags ?? {}, ...(networking.inbound ?? []).map(({ tags }) => tags)];
  const listeners = (gateway?.spec.conf.listeners ?? []).map(({ tags }) => ({
    ...networking.gateway?.tags,
    ...gateway?.spec.tags,
    ...tags,
  }));
  const places = [...proxyPlaces([...own, ...listeners]), on(resourceIdText(resourceIdOf(dataplane)))];
  return gateway ? [...places, on(`gateway ${displayNameOf(gateway)}`)] : places;
}
