import type { PolicyChoice } from "@atoll/policy";
import { buildProxyView } from "./build-proxy-view.ts";
import { keepCluster, keepEndpoints, keepListener, keepRoutes, keepTemplate } from "./elements.ts";
import type { ElementKind, Keep, ViewElement } from "./elements.ts";
import { wholePolicies } from "./explain-proxy-view.ts";
import { MeshContexts } from "./mesh-contexts.ts";
import type { ProxyRef } from "./proxy-ref.ts";
import type { ProxyTemplateView, ProxyView } from "./proxy-view.ts";
import type { Reasons, ResourceRef } from "./reasons.ts";
import { ViewBuilder } from "./view-builder.ts";

type Place = "clusters" | "endpoints" | "listeners" | "routes";

const keepers: { [P in Place]: (part: ProxyView[P][number], keep: Keep) => unknown } = {
  clusters: keepCluster,
  endpoints: keepEndpoints,
  listeners: keepListener,
  routes: keepRoutes,
};

/** Which types of policies have the say about an element that is an effect of one. */
const policyTypes: Partial<Record<ElementKind, RegExp>> = {
  retry: /Retry$/,
  rateLimit: /RateLimit$/,
  fault: /FaultInjection$/,
  healthCheck: /HealthCheck$/,
  outlierDetection: /CircuitBreaker$/,
  circuitBreaker: /CircuitBreaker$/,
  loadBalancer: /^(?:TrafficRoute|MeshLoadBalancingStrategy)$/,
  hashPolicy: /^MeshLoadBalancingStrategy$/,
  accessLog: /^(?:TrafficLog|MeshAccessLog)$/,
  tracing: /^(?:TrafficTrace|MeshTrace)$/,
};

/** The element of one of a proxy's Envoy resources, or of its template. */
export interface SoughtElement {
  place: Place | "template";
  resource: string;
  id: string;
  kind: ElementKind;
}

/**
 * The resources that each element of a proxy's view is made from: the policy whose effect it is, else what its place is made from. Builds
 * the view once more, with its reasons. None for what is not in the view.
 */
export function culpritsOf(contexts: MeshContexts, proxy: ProxyRef, sought: readonly SoughtElement[]): ResourceRef[][] {
  const reasons = new Map<object, Reasons>();
  const fresh = new MeshContexts(contexts.inputs, contexts.options);
  const view = buildProxyView(fresh, proxy, new ViewBuilder(reasons));
  const ofPlace = new Map<string, Map<string, ViewElement>>();
  const elements = (place: Place, name: string): Map<string, ViewElement> => {
    const known = ofPlace.get(`${place} ${name}`) ?? new Map<string, ViewElement>();
    if (!ofPlace.has(`${place} ${name}`)) {
      const part = (view?.[place] as object[] | undefined)?.find((one) => nameOf(one) === name);
      if (part) (keepers[place] as (part: object, keep: Keep) => unknown)(part, (element) => known.set(element.id, element) !== undefined);
      ofPlace.set(`${place} ${name}`, known);
    }
    return known;
  };
  const holder = (routes: string): object | undefined =>
    view?.listeners.find(({ chains }) =>
      chains.some(({ filter }) => filter.type === "http" && "rds" in filter.routes && filter.routes.rds === routes),
    );
  return sought.map(({ place, resource, id, kind }) => {
    if (place === "template") {
      const own = view?.template && elementsOf(view.template).get(id);
      return (own && reasons.get(own.part)?.from) ?? wholePolicies(fresh, proxy).flatMap(chosen);
    }
    const found = elements(place, resource).get(id);
    if (found === undefined) return [];
    // A route configuration has no reasons of its own where its listener has them.
    const around = place === "routes" ? holder(resource) : undefined;
    const parts = [...lineage(found), ...(around ? [around] : [])].flatMap((part) => reasons.get(part) ?? []);
    const type = policyTypes[kind];
    const policy = type && parts.flatMap(({ policies }) => policies.filter((choice) => type.test(choice.type)).flatMap(chosen));
    if (policy !== undefined && policy.length > 0) return distinct(policy);
    return distinct(parts.find(({ from }) => from.length > 0)?.from ?? []);
  });
}

const nameOf = (part: object): string => ("name" in part ? String(part.name) : String((part as { cluster: string }).cluster));

function lineage(element: ViewElement): object[] {
  return element.parent === undefined ? [element.part] : [element.part, ...lineage(element.parent)];
}

function elementsOf(template: ProxyTemplateView): Map<string, ViewElement> {
  const elements = new Map<string, ViewElement>();
  keepTemplate(template, (element) => elements.set(element.id, element) !== undefined);
  return elements;
}

const chosen = ({ type, mesh, candidates }: PolicyChoice): ResourceRef[] =>
  candidates
    .filter(({ verdict }) => verdict === "chosen" || verdict === "merged")
    .map(({ name, revision }) => ({ type, mesh, name, revision }));

const distinct = (refs: readonly ResourceRef[]): ResourceRef[] => [
  ...new Map(refs.map((ref) => [`${ref.type}/${ref.mesh}/${ref.name}/${ref.section ?? ""}`, ref])).values(),
];
