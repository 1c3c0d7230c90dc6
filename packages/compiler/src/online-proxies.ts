import type { ResourceReader } from "@atoll/replica";
import { isOnline, tag, tagSetsOf, type DataplaneSpec, type Resource } from "@atoll/resource";

interface InsightSpec {
  subscriptions?: { connectTime?: string; disconnectTime?: string }[];
}

/** A proxy whose every stream has ended. One that was never seen is not offline: it may be served by nobody we know of. */
export const isOffline = (insight: Resource<InsightSpec> | undefined): boolean =>
  (insight?.spec.subscriptions ?? []).length > 0 && !isOnline(insight?.spec);

/**
 * The zone's resources without the proxies that have gone, as far as enough are left to do their work: a dead egress or instance
 * leaves the endpoints at once. Where more than half of those with one duty are gone, all stay until they are deregistered: then it
 * is rather an xDS server that has lost sight of them.
 */
export class OnlineProxies implements ResourceReader {
  readonly #inner: ResourceReader;

  constructor(inner: ResourceReader) {
    this.#inner = inner;
  }

  get<Spec = unknown>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#inner.get(type, mesh, name);
  }

  list<Spec = unknown>(type: string, mesh?: string): readonly Resource<Spec>[] {
    const all = this.#inner.list<Spec>(type, mesh);
    if (type === "ZoneEgress") return withoutReplaceable(all, (one) => this.#isOffline("ZoneEgressInsight", one), oneDuty);
    if (type === "Dataplane") return withoutReplaceable(all, (one) => this.#isOffline("DataplaneInsight", one), servicesOf);
    return all;
  }

  #isOffline(insightType: string, { mesh, name }: Resource): boolean {
    return isOffline(this.#inner.get<InsightSpec>(insightType, mesh, name));
  }
}

const oneDuty = (): string[] => [""];

const servicesOf = ({ mesh, spec }: Resource): string[] => tagSetsOf(spec as DataplaneSpec).map((tags) => `${mesh}/${tags[tag.service]}`);

function withoutReplaceable<R>(all: readonly R[], offline: (one: R) => boolean, dutiesOf: (one: R) => string[]): readonly R[] {
  const gone = new Set(all.filter(offline));
  if (gone.size === 0) return all;
  const balance = new Map<string, number>();
  for (const one of all) {
    for (const duty of new Set(dutiesOf(one))) balance.set(duty, (balance.get(duty) ?? 0) + (gone.has(one) ? -1 : 1));
  }
  return all.filter((one) => !gone.has(one) || dutiesOf(one).some((duty) => balance.get(duty)! < 0));
}
