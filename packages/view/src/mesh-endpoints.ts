import { equalValue, Fact, Family } from "@atoll/facts";
import type { FactGraph } from "@atoll/facts";
import type { Tags } from "@atoll/policy";
import { inboundInterfaces } from "./dataplane.ts";
import { listenerTags } from "./gateway/listener-tags.ts";
import type { Endpoint, EndpointsByService } from "./endpoint.ts";
import type { CrossMeshListener, MeshContext } from "./mesh-context.ts";
import { meshTag, protocolTag, serviceTag } from "./names.ts";
import { commonProtocol, parseProtocol } from "./protocol.ts";
import type { Protocol } from "./protocol.ts";
import type { Address } from "./zone-context.ts";

export interface ServiceFacts {
  protocol: Protocol;
  external: boolean;
  /** Whether anybody has the service, or had it. */
  known: boolean;
}

/** Who answers for the services of one mesh, each a fact of its own: an instance that comes or goes concerns its services and no other. */
export class MeshEndpoints {
  readonly #context: MeshContext;
  /** Instances in this zone alone, ready or not, each of weight 1. */
  readonly local: Family<readonly Endpoint[]>;
  readonly crossMeshListeners: Fact<readonly CrossMeshListener[]>;
  readonly facts: Family<ServiceFacts>;
  readonly #reached: Family<readonly Endpoint[]>;
  readonly #remote: Family<readonly Endpoint[]>;
  readonly #handed: Family<readonly Endpoint[]>;
  readonly #crossMesh: { egress: Family<readonly Endpoint[]>; ingress: Family<readonly Endpoint[]> };

  constructor(graph: FactGraph, context: MeshContext) {
    this.#context = context;
    this.local = new Family(graph, (service) => this.#localOf(service));
    this.crossMeshListeners = new Fact(graph, () => this.#crossMeshListeners(), equalValue);
    this.facts = new Family(graph, (service) => this.#factsOf(service));
    this.#reached = new Family(graph, (service) => this.#reachedOf(service));
    this.#remote = new Family(graph, (service) =>
      this.#remoteOf(service, false).map((endpoint) => ({ ...endpoint, tags: { ...endpoint.tags, mesh: context.name } })),
    );
    this.#handed = new Family(graph, (service) => this.#handedOf(service));
    this.#crossMesh = {
      egress: new Family(graph, (service) => this.#crossMeshOf(service, true)),
      ingress: new Family(graph, (service) => this.#crossMeshOf(service, false)),
    };
  }

  /** How a sidecar or gateway of this mesh reaches each service, except external services it dials itself. */
  readonly reached: EndpointsByService = {
    get: (service) => this.#reached.get(service),
    services: () => distinct([...this.#localServices(), ...this.#remoteServices(), ...(this.#context.zoneEgress ? this.#external() : [])]),
  };

  /** How this zone's egress reaches the mesh's services of other zones. */
  readonly remote: EndpointsByService = {
    get: (service) => this.#remote.get(service),
    services: () => this.#remoteServices(),
  };

  /** What this zone's ingress may hand traffic to. */
  readonly handed: EndpointsByService = {
    get: (service) => this.#handed.get(service),
    services: () =>
      distinct([
        ...this.#localServices(),
        ...(this.#context.zoneEgress ? this.#external() : []),
        ...this.crossMeshListeners.get().map(({ tags }) => tags[serviceTag] ?? ""),
      ]),
  };

  /** How proxies of another mesh reach a cross-mesh gateway of this one. */
  crossMesh(service: string, throughEgress: boolean): readonly Endpoint[] {
    return this.#crossMesh[throughEgress ? "egress" : "ingress"].get(service);
  }

  #localServices(): readonly string[] {
    return this.#context.zone.proxies.services(this.#context.name);
  }

  #remoteServices(): readonly string[] {
    return this.#context.mtls === "off" ? [] : this.#context.zone.remoteServices(this.#context.name);
  }

  #external(): readonly string[] {
    return this.#context.externalServiceNames;
  }

  #localOf(service: string): Endpoint[] {
    const { zone, name } = this.#context;
    const gone = zone.proxies.gone(name, service);
    return zone.proxies.workloadsOf(name, service).flatMap((dataplane) =>
      inboundInterfaces(dataplane)
        .filter(({ tags }) => tags[serviceTag] === service)
        .flatMap(({ routableAddress, port, tags, healthy }): Endpoint[] => {
          const found = zone.dial(routableAddress, port);
          const away = healthy && found.length > 0 ? goneIf(gone.has(dataplane.name)) : "unready";
          const known = found.length > 0 ? found : [{ address: routableAddress, port }];
          return known.map((at) => ({ ...at, tags, weight: 1, via: "local", external: false, away }));
        }),
    );
  }

  #reachedOf(service: string): Endpoint[] {
    const { zone, zoneEgress } = this.#context;
    // A remote ingress stands for all instances behind it, and there are as many ways in as ingresses: local instances keep
    // their share when each weighs as much as the ingresses are many.
    const ways = new Set(this.#remoteIngresses().map(({ address, port }) => `${address}:${port}`)).size;
    const endpoints = this.local.get(service).map((endpoint) => ({ ...endpoint, weight: Math.max(1, ways) }));
    endpoints.push(...this.#remoteOf(service, zoneEgress));
    if (zoneEgress) {
      for (const { tags } of this.#context.reachableExternalServicesOf(service)) {
        for (const egress of zone.egresses) endpoints.push({ ...egress, tags, weight: 1, via: "egress", external: true });
      }
    }
    return endpoints;
  }

  #handedOf(service: string): Endpoint[] {
    const { zone, zoneEgress } = this.#context;
    const endpoints = [...this.local.get(service)];
    if (zoneEgress) {
      for (const { tags, zone: owner } of this.#context.externalServicesOf(service)) {
        if (owner !== zone.zone) continue;
        for (const egress of zone.egresses) endpoints.push({ ...egress, tags, weight: 1, via: "egress", external: true });
      }
    }
    for (const { tags, ...at } of this.#listenersOf(service)) endpoints.push({ ...at, tags, weight: 1, via: "local", external: false });
    return endpoints;
  }

  #listenersOf(service: string): CrossMeshListener[] {
    return this.crossMeshListeners.get().filter(({ tags }) => tags[serviceTag] === service);
  }

  #remoteIngresses(): Address[] {
    return this.#context.mtls === "off" ? [] : this.#context.zone.offeringZones.flatMap(({ ingresses }) => ingresses);
  }

  /** By what other zones have; nothing while the mesh has no mutual TLS. */
  #remoteOf(service: string, throughEgress: boolean): Endpoint[] {
    const { zone, mtls, name } = this.#context;
    if (mtls === "off") return [];
    const found: Endpoint[] = [];
    for (const { zone: other, ingresses, reachable } of zone.remoteZones) {
      for (const { tags, instances, gone = 0, unready, externalService: external = false } of zone.remoteEntries(other, name, service)) {
        const away = !reachable || unready ? "unready" : goneIf(gone >= instances);
        const weight = throughEgress ? 1 : away === undefined ? instances - gone : instances;
        for (const way of throughEgress ? zone.egresses : ingresses) {
          found.push({ ...way, tags, weight, via: throughEgress ? "egress" : "ingress", external, away });
        }
      }
    }
    return found;
  }

  #crossMeshListeners(): CrossMeshListener[] {
    const { zone, name } = this.#context;
    return zone.proxies.builtinGateways(name).flatMap((dataplane) => {
      const gateway = this.#context.gatewayOf(dataplane);
      const service = dataplane.spec.networking.gateway?.tags[serviceTag] ?? "";
      const away = goneIf(zone.proxies.gone(name, service).has(dataplane.name));
      return (gateway?.spec.conf?.listeners ?? [])
        .filter((listener) => listener.crossMesh)
        .flatMap((listener) =>
          zone
            .dial(dataplane.spec.networking.address, listener.port)
            .map((at) => ({ ...at, tags: listenerTags(dataplane, gateway!, listener), away })),
        );
    });
  }

  #crossMeshOf(service: string, throughEgress: boolean): Endpoint[] {
    const ways = this.#remoteIngresses().length;
    const local = this.#listenersOf(service).map(({ tags, ...at }): Endpoint => ({
      ...at,
      tags,
      weight: Math.max(1, ways),
      via: "local",
      external: false,
    }));
    const remote = this.#remoteOf(service, throughEgress).filter(({ tags }) => tags[meshTag] !== undefined);
    return [...local, ...remote.map((endpoint) => ({ ...endpoint, tags: withoutMeshTag(endpoint.tags) }))];
  }

  #factsOf(service: string): ServiceFacts {
    const { zone, name } = this.#context;
    const sets: Tags[] = [];
    let external = true;
    const note = (tags: Tags, isExternal: boolean): void => {
      sets.push(tags);
      if (!isExternal) external = false;
    };
    for (const { tags } of this.local.get(service)) note(tags, false);
    for (const { zone: other } of zone.remoteZones) {
      for (const entry of zone.remoteEntries(other, name, service)) note(entry.tags, entry.externalService === true);
    }
    for (const { tags } of this.#context.externalServicesOf(service)) note(tags, true);
    if (sets.length > 0) return { protocol: commonProtocol(sets.map((tags) => parseProtocol(tags[protocolTag]))), external, known: true };
    const remembered = this.#context.rememberedProtocol(service);
    return { protocol: parseProtocol(remembered), external: false, known: remembered !== undefined };
  }
}

const goneIf = (gone: boolean): Endpoint["away"] => (gone ? "gone" : undefined);

const distinct = (names: readonly string[]): string[] => [...new Set(names)].sort();

function withoutMeshTag(tags: Tags): Tags {
  const { [meshTag]: _, ...others } = tags;
  return others;
}
