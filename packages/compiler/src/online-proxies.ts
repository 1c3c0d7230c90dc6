import type { ResourceReader } from "@atoll/replica";
import { tagSetsOf, tag, type DataplaneSpec, type Resource } from "@atoll/resource";

interface InsightSpec {
  subscriptions?: { connectTime?: string; disconnectTime?: string }[];
}

/** A proxy whose every stream has ended. One that was never seen is not offline: it may be served by nobody we know of. */
export function isOffline(insight: Resource<InsightSpec> | undefined): boolean {
  const subscriptions = insight?.spec.subscriptions ?? [];
  return subscriptions.length > 0 && subscriptions.every((one) => one.disconnectTime !== undefined);
}

/**
 * The zone's resources without the proxies that have gone, as far as somebody is left to do their work: a dead egress or instance
 * leaves the endpoints at once, but the last one stays until it is deregistered, since an xDS server may have lost sight of it.
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
    if (type === "ZoneEgress")
      return withoutReplaceable(
        all,
        (one) => isOffline(this.#inner.get("ZoneEgressInsight", "", one.name)),
        () => [""],
      );
    if (type === "Dataplane") {
      return withoutReplaceable(
        all,
        (one) => isOffline(this.#inner.get("DataplaneInsight", one.mesh, one.name)),
        (one) => tagSetsOf(one.spec as DataplaneSpec).map((tags) => `${one.mesh}/${tags[tag.service]}`),
      );
    }
    return all;
  }
}

function withoutReplaceable<R>(all: readonly R[], offline: (one: R) => boolean, duties: (one: R) => string[]): readonly R[] {
  const gone = all.filter(offline);
  if (gone.length === 0) return all;
  const covered = new Set(all.filter((one) => !gone.includes(one)).flatMap(duties));
  return all.filter((one) => !gone.includes(one) || !duties(one).every((duty) => covered.has(duty)));
}
