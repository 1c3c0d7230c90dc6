import type { Fact } from "@atoll/facts";
import type { Reasons } from "./reasons.ts";
import type { ClusterView, EndpointSetView, ListenerView, ProxyKind, ProxyView, RouteConfigView, ViewProblem } from "./proxy-view.ts";

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Parts of a view that are made together. */
export interface ViewParts {
  listeners: readonly ListenerView[];
  routes: readonly RouteConfigView[];
  clusters: readonly { cluster: ClusterView; endpoints?: Fact<EndpointSetView> | undefined }[];
  runtimes?: readonly (readonly [name: string, values: ProxyView["runtimes"][number]["values"]])[];
  problems?: readonly ViewProblem[];
}

/** Collects the parts of one view. Of two parts with one name the first stays: the names say all that tells parts apart. */
export class ViewBuilder {
  readonly #listeners = new Map<string, ListenerView>();
  readonly #routes = new Map<string, RouteConfigView>();
  readonly #clusters = new Map<string, ClusterView>();
  readonly #endpoints = new Map<string, Fact<EndpointSetView>>();
  readonly #runtimes = new Map<string, ProxyView["runtimes"][number]["values"]>();
  readonly #problems: ViewProblem[] = [];
  readonly #reasons: Map<object, Reasons> | undefined;

  /** `reasons` receives why each part is as it is, by the part; without it nobody asks, and nothing is found out. */
  constructor(reasons?: Map<object, Reasons>) {
    this.#reasons = reasons;
  }

  /** Whether somebody asks why parts are as they are: then each is made for this proxy alone, with its accounts. */
  get explains(): boolean {
    return this.#reasons !== undefined;
  }

  /** Says why a part is as it is, in terms of what it was just made from. Of several accounts of one part the first stays. */
  because(part: object, reasons: () => Reasons): void {
    if (this.#reasons && !this.#reasons.has(part)) this.#reasons.set(part, reasons());
  }

  listener(listener: ListenerView, reasons?: () => Reasons): void {
    if (reasons) this.because(listener, reasons);
    if (!this.#listeners.has(listener.name)) this.#listeners.set(listener.name, listener);
  }

  route(route: RouteConfigView): void {
    if (!this.#routes.has(route.name)) this.#routes.set(route.name, route);
  }

  /** `endpoints` are a fact apart, so that who builds the view need not read them. */
  cluster(cluster: ClusterView, endpoints?: Fact<EndpointSetView>, reasons?: () => Reasons): void {
    if (reasons) this.because(cluster, reasons);
    if (this.#clusters.has(cluster.name)) return;
    this.#clusters.set(cluster.name, cluster);
    if (endpoints) this.#endpoints.set(cluster.name, endpoints);
  }

  runtime(name: string, values: ProxyView["runtimes"][number]["values"]): void {
    this.#runtimes.set(name, values);
  }

  problem(resource: string, reason: string): void {
    this.#problems.push({ resource, reason });
  }

  /** What was added so far, for another builder. */
  parts(): ViewParts {
    return {
      listeners: [...this.#listeners.values()],
      routes: [...this.#routes.values()],
      clusters: [...this.#clusters.values()].map((cluster) => ({ cluster, endpoints: this.#endpoints.get(cluster.name) })),
      runtimes: [...this.#runtimes],
      problems: this.#problems,
    };
  }

  add({ listeners, routes, clusters, runtimes = [], problems = [] }: ViewParts): void {
    for (const { cluster, endpoints } of clusters) this.cluster(cluster, endpoints);
    for (const listener of listeners) this.listener(listener);
    for (const route of routes) this.route(route);
    for (const [name, values] of runtimes) this.runtime(name, values);
    this.#problems.push(...problems);
  }

  /** The endpoint sets of the clusters, sorted by their names. */
  endpoints(): Fact<EndpointSetView>[] {
    return [...this.#endpoints].sort(([a], [b]) => compare(a, b)).map(([, endpoints]) => endpoints);
  }

  /** The view without its endpoints. */
  finish(proxy: { kind: ProxyKind; mesh: string; name: string; zone: string }): ProxyView {
    const byName = <Part extends { name: string }>(parts: ReadonlyMap<string, Part>): Part[] =>
      [...parts.values()].sort((a, b) => compare(a.name, b.name));
    return {
      ...proxy,
      listeners: byName(this.#listeners),
      routes: byName(this.#routes),
      clusters: byName(this.#clusters),
      endpoints: [],
      secrets: [],
      runtimes: [...this.#runtimes].map(([name, values]) => ({ name, values })).sort((a, b) => compare(a.name, b.name)),
      ...(this.#problems.length > 0 ? { problems: this.#problems } : {}),
    };
  }
}
