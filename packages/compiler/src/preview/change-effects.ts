import { typeUrls } from "@atoll/envoy-api";
import type { ProxyEffects } from "@atoll/resource";
import type { FilterChainView, ProxyView } from "@atoll/view";
import type { Withheld } from "../screened-part.ts";
import type { ResourcePair } from "./resource-changes.ts";

export interface BuiltProxy {
  view: ProxyView;
  withheld: readonly Withheld[];
}

/** What a change does to a proxy that its resources alone do not say at a glance. What is empty is left out. */
export function effectsOf(before: BuiltProxy | undefined, after: BuiltProxy | undefined, pairs: readonly ResourcePair[]): ProxyEffects {
  const drained = pairs.flatMap((pair) => (pair.before?.typeUrl === typeUrls.listener ? [pair.before.name] : []));
  const certificates = newSecrets(before?.view, after?.view);
  const unreachable = before ? lostClusters(before.view, after?.view) : [];
  const denied = before && after ? lostPrincipals(before.view, after.view) : [];
  const withheld = newlyWithheld(before?.withheld ?? [], after?.withheld ?? []);
  return {
    ...(drained.length > 0 && { drained }),
    ...(certificates.length > 0 && { certificates }),
    ...(unreachable.length > 0 && { unreachable }),
    ...(denied.length > 0 && { denied }),
    ...(withheld.length > 0 && { withheld }),
  };
}

/** Secrets with another source than before: names of those that are new alone are no news to an Envoy that serves. */
function newSecrets(before: ProxyView | undefined, after: ProxyView | undefined): string[] {
  const sources = new Map((before?.secrets ?? []).map(({ name, source }) => [name, JSON.stringify(source)]));
  return (after?.secrets ?? []).flatMap(({ name, source }) => (sources.get(name) === JSON.stringify(source) ? [] : [name]));
}

function lostClusters(before: ProxyView, after: ProxyView | undefined): string[] {
  const now = new Set(after === undefined ? [] : reachableClusters(after));
  return reachableClusters(before)
    .filter((cluster) => !now.has(cluster))
    .toSorted();
}

/** Those that have an endpoint, wherever it is said. */
function reachableClusters({ clusters, endpoints }: ProxyView): string[] {
  const discovered = endpoints.filter(({ localities }) => localities.some((one) => one.endpoints.length > 0));
  const named = clusters.filter(({ discovery }) => "endpoints" in discovery && discovery.endpoints.length > 0);
  return [...discovered.map(({ cluster }) => cluster), ...named.map(({ name }) => name)];
}

const anybody = "*";

/** Whom a chain lets in: names of those that each of its policies wants, together; anybody where nothing is asked. */
function principalsOf({ rbac }: FilterChainView): Set<string> {
  if (rbac === undefined) return new Set([anybody]);
  return new Set(
    rbac.policies.flatMap(({ principals }) =>
      principals.map(({ sans, notSans = [] }) => {
        const wanted = sans.length === 0 ? anybody : sans.join(" and ");
        return notSans.length === 0 ? wanted : `${wanted} but ${notSans.join(" and ")}`;
      }),
    ),
  );
}

function lostPrincipals(before: ProxyView, after: ProxyView): NonNullable<ProxyEffects["denied"]> {
  const inbound = (view: ProxyView) => view.listeners.filter(({ direction }) => direction === "inbound");
  const of = (chains: readonly FilterChainView[]) => new Set(chains.flatMap((chain) => [...principalsOf(chain)]));
  const now = new Map(inbound(after).map(({ name, chains }) => [name, of(chains)]));
  return inbound(before).flatMap(({ name, chains }) => {
    const allowed = now.get(name);
    // A listener that is gone lets nobody in, and is named as drained.
    if (allowed === undefined || allowed.has(anybody)) return [];
    const principals = [...of(chains)].filter((principal) => !allowed.has(principal)).toSorted();
    return principals.length > 0 ? [{ listener: name, principals }] : [];
  });
}

function newlyWithheld(before: readonly Withheld[], after: readonly Withheld[]): NonNullable<ProxyEffects["withheld"]> {
  const key = ({ typeUrl, resource, element, reason }: Withheld) => JSON.stringify([typeUrl, resource, element.id, reason]);
  const known = new Set(before.map(key));
  return after
    .filter((one) => !known.has(key(one)))
    .map(({ resource, element, reason }) => ({
      part: element.name === resource ? resource : `${element.kind} "${element.name}" of ${resource}`,
      reason,
    }));
}
