import { chooseDataplanePolicy, collectTags, dataplanePolicyCandidates, mayUseExternalService } from "@atoll/policy";
import type { Candidate, PolicyMesh, PolicyRules, Selector, Tags } from "@atoll/policy";
import type {
  DataplaneSpec,
  ExternalServiceSpec,
  MeshGatewayListener,
  MeshGatewaySpec,
  MeshSpec,
  Resource,
  ServiceProtocolSpec,
  VirtualIpSpec,
} from "@atoll/resource";
import { serviceProtocolType, virtualIpType } from "@atoll/resource";
import { inboundInterfaces, isBuiltinGateway, tagSets } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import { addEndpoint } from "./endpoint.ts";
import type { Endpoint, EndpointMap } from "./endpoint.ts";
import { externalService } from "./external-service.ts";
import type { ExternalService } from "./external-service.ts";
import { isGone } from "./gone.ts";
import type { ViewInputs, ViewOptions } from "./inputs.ts";
import { Memo } from "./memo.ts";
import { meshTag, protocolTag, serviceTag } from "./names.ts";
import { commonProtocol, parseProtocol } from "./protocol.ts";
import type { Protocol } from "./protocol.ts";
import type { Address, ZoneContext } from "./zone-context.ts";

export type MeshGateway = Resource<MeshGatewaySpec>;

/** A policy with its conf, as `policy` and `view` read it. */
export type Policy = Resource<{ sources?: Selector[]; destinations?: Selector[]; selectors?: Selector[] }>;

/** A crossMesh listener of a gateway that runs in this zone. */
export interface CrossMeshListener extends Address {
  tags: Tags;
  away: Endpoint["away"];
}

export interface ServiceFacts {
  protocol: Protocol;
  external: boolean;
}

/** Everything about one mesh that its proxies' views share. Computed when first asked for; never changes afterwards. */
export class MeshContext implements PolicyMesh {
  readonly name: string;
  readonly mesh: Resource<MeshSpec>;
  readonly zone: ZoneContext;
  readonly rules: PolicyRules;
  readonly memo: Memo;
  readonly options: ViewOptions;
  readonly #inputs: ViewInputs;
  readonly #computed = new Map<string, unknown>();

  constructor(mesh: Resource<MeshSpec>, zone: ZoneContext, inputs: ViewInputs, options: ViewOptions, rules: PolicyRules, previous?: Memo) {
    this.name = mesh.name;
    this.mesh = mesh;
    this.zone = zone;
    this.rules = rules;
    this.options = options;
    this.memo = new Memo(previous);
    this.#inputs = inputs;
  }

  /** The value of that key, computed when first asked for. */
  remember<Value>(key: string, compute: () => Value): Value {
    if (!this.#computed.has(key)) this.#computed.set(key, compute());
    return this.#computed.get(key) as Value;
  }

  get mtls(): "off" | "STRICT" | "PERMISSIVE" {
    const { mtls } = this.mesh.spec;
    if (!mtls?.enabledBackend) return "off";
    return mtls.backends?.find((backend) => backend.name === mtls.enabledBackend)?.mode ?? "STRICT";
  }

  get zoneEgress(): boolean {
    return this.mtls !== "off" && this.mesh.spec.routing?.zoneEgress === true;
  }

  get locality(): { zone: string; aware: boolean } {
    return { zone: this.zone.zone, aware: this.mesh.spec.routing?.localityAwareLoadBalancing === true };
  }

  /** All resources of a type in the mesh, sorted by name. */
  resources<Spec>(type: string): readonly Resource<Spec>[] {
    return this.remember(`resources/${type}`, () => [...this.#inputs.config.list<Spec>(type, this.name)]);
  }

  get hasTrafficRoutes(): boolean {
    return this.resources("TrafficRoute").length > 0;
  }

  /** True if anything in the mesh reads the x-kuma-tags header. */
  get readsKumaTags(): boolean {
    return this.resources("RateLimit").length > 0 || this.resources("FaultInjection").length > 0;
  }

  get dataplanes(): readonly Dataplane[] {
    return this.remember("dataplanes", () => this.#inputs.zoneResources.list<DataplaneSpec>("Dataplane", this.name));
  }

  dataplane(name: string): Dataplane | undefined {
    return this.#inputs.zoneResources.get<DataplaneSpec>("Dataplane", this.name, name);
  }

  /** Names of the mesh's services in this zone, in the order of their records; none where MeshServices alone have names. */
  get virtualIps(): readonly VirtualIpSpec[] {
    return this.remember("virtualIps", () => {
      if (this.mesh.spec.meshServices?.mode === "Exclusive") return [];
      const records = this.#inputs.zoneResources.list<VirtualIpSpec>(virtualIpType, this.name);
      return records.map(({ spec }) => spec).filter(({ outbounds }) => outbounds.length > 0);
    });
  }

  /** Of all zones, sorted by name. */
  get externalServices(): readonly ExternalService[] {
    return this.remember("externalServices", () =>
      this.resources<ExternalServiceSpec>("ExternalService").flatMap((resource) => externalService(resource) ?? []),
    );
  }

  /** Those that this zone may dial, through its egress or directly. */
  get reachableExternalServices(): readonly ExternalService[] {
    return this.externalServices.filter(({ zone }) => zone === undefined || zone === this.zone.zone);
  }

  /**
   * Those that a dataplane may dial itself: the TrafficPermission for the service's tags names it, whatever else the mesh has. Whom
   * none is for is dialled by nobody, as nobody gets into an inbound without one.
   */
  permittedExternalServices(sources: readonly Tags[]): readonly ExternalService[] {
    const permissions = this.resources<Policy["spec"]>("TrafficPermission");
    const key = `permittedExternalServices/${JSON.stringify(collectTags(sources))}`;
    return this.remember(key, () =>
      this.externalServices.filter(({ tags }) => mayUseExternalService(permissions, tags, sources, this.rules)),
    );
  }

  /** Entries of other zones for this mesh, with where to dial them. */
  *#remote(): Generator<{ ingresses: readonly Address[]; tags: Tags; instances: number; external: boolean; away: Endpoint["away"] }> {
    for (const { ingresses, reachable, entries } of this.zone.remoteZones) {
      for (const { mesh, tags, instances, externalService, gone = 0, unready } of entries) {
        if (mesh !== this.name) continue;
        const away = !reachable || unready ? "unready" : gone >= instances ? "gone" : undefined;
        yield { ingresses, tags, instances: away === undefined ? instances - gone : instances, external: externalService === true, away };
      }
    }
  }

  #away(dataplane: Dataplane, ready: boolean): Endpoint["away"] {
    if (!ready) return "unready";
    return isGone(this.#inputs.zoneResources, dataplane) ? "gone" : undefined;
  }

  /** Instances in this zone alone, ready or not, each of weight 1. */
  get localEndpoints(): readonly Endpoint[] {
    return this.remember("localEndpoints", () =>
      this.dataplanes
        .filter((dataplane) => !dataplane.spec.networking.gateway)
        .flatMap((dataplane) =>
          inboundInterfaces(dataplane).flatMap(({ routableAddress, port, tags, healthy }): Endpoint[] => {
            const found = this.zone.dial(routableAddress, port);
            const away = this.#away(dataplane, healthy && found.length > 0);
            const known = found.length > 0 ? found : [{ address: routableAddress, port }];
            return known.map((at) => ({ ...at, tags, weight: 1, via: "local", external: false, away }));
          }),
        ),
    );
  }

  /** How a sidecar or gateway of this mesh reaches each service, except external services it dials itself. */
  get endpoints(): EndpointMap {
    return this.remember("endpoints", () => {
      const map = new Map<string, Endpoint[]>();
      // A remote ingress stands for all instances behind it, and there are as many ways in as ingresses: local instances keep
      // their share when each weighs as much as the ingresses are many.
      const ways = new Set(this.#remoteIngresses().map(({ address, port }) => `${address}:${port}`)).size;
      for (const endpoint of this.localEndpoints) addEndpoint(map, { ...endpoint, weight: Math.max(1, ways) });
      for (const endpoint of this.#remoteEndpoints(this.zoneEgress, () => true)) addEndpoint(map, endpoint);
      if (this.zoneEgress) {
        for (const { tags } of this.reachableExternalServices) {
          for (const egress of this.zone.egresses) addEndpoint(map, { ...egress, tags, weight: 1, via: "egress", external: true });
        }
      }
      return map;
    });
  }

  #remoteIngresses(): Address[] {
    if (this.mtls === "off") return [];
    const offering = this.zone.remoteZones.filter(({ reachable, entries }) => reachable && entries.some(({ instances }) => instances > 0));
    return offering.flatMap(({ ingresses }) => ingresses);
  }

  #remoteEndpoints(throughEgress: boolean, wanted: (tags: Tags) => boolean): Endpoint[] {
    const found: Endpoint[] = [];
    if (this.mtls === "off") return found;
    for (const { ingresses, tags, instances, external, away } of this.#remote()) {
      if (!wanted(tags)) continue;
      const ways = throughEgress ? this.zone.egresses : ingresses;
      for (const way of ways) {
        const weight = throughEgress ? 1 : instances;
        found.push({ ...way, tags, weight, via: throughEgress ? "egress" : "ingress", external, away });
      }
    }
    return found;
  }

  /** How this zone's egress reaches the mesh's services of other zones. */
  get remoteEndpoints(): EndpointMap {
    return this.remember("remoteEndpoints", () => {
      const map = new Map<string, Endpoint[]>();
      for (const endpoint of this.#remoteEndpoints(false, () => true)) {
        addEndpoint(map, { ...endpoint, tags: { ...endpoint.tags, mesh: this.name } });
      }
      return map;
    });
  }

  /** What this zone's ingress may hand traffic to. */
  get ingressEndpoints(): EndpointMap {
    return this.remember("ingressEndpoints", () => {
      const map = new Map<string, Endpoint[]>();
      for (const endpoint of this.localEndpoints) addEndpoint(map, endpoint);
      if (this.zoneEgress) {
        for (const { tags, zone } of this.externalServices) {
          if (zone !== this.zone.zone) continue;
          for (const egress of this.zone.egresses) addEndpoint(map, { ...egress, tags, weight: 1, via: "egress", external: true });
        }
      }
      for (const { tags, ...at } of this.crossMeshListeners) {
        addEndpoint(map, { ...at, tags, weight: 1, via: "local", external: false });
      }
      return map;
    });
  }

  /** The MeshGateway that configures a builtin gateway dataplane. */
  gatewayOf(dataplane: Dataplane): MeshGateway | undefined {
    return chooseDataplanePolicy(this.resources<MeshGatewaySpec>("MeshGateway"), tagSets(dataplane), this.rules);
  }

  /** How the MeshGateway of a dataplane was chosen. */
  gatewayCandidates(dataplane: Dataplane): Candidate<MeshGateway>[] {
    return dataplanePolicyCandidates(this.resources<MeshGatewaySpec>("MeshGateway"), tagSets(dataplane), this.rules);
  }

  get crossMeshListeners(): readonly CrossMeshListener[] {
    return this.remember("crossMeshListeners", () =>
      this.dataplanes.filter(isBuiltinGateway).flatMap((dataplane) => {
        const gateway = this.gatewayOf(dataplane);
        return (gateway?.spec.conf?.listeners ?? [])
          .filter((listener) => listener.crossMesh)
          .flatMap((listener) =>
            this.zone
              .dial(dataplane.spec.networking.address, listener.port)
              .map((at) => ({ ...at, tags: listenerTags(dataplane, gateway!, listener), away: this.#away(dataplane, true) })),
          );
      }),
    );
  }

  /** How proxies of another mesh reach this mesh's cross-mesh gateways. */
  crossMeshEndpoints(throughEgress: boolean): EndpointMap {
    return this.remember(`crossMeshEndpoints/${throughEgress}`, () => {
      const map = new Map<string, Endpoint[]>();
      const ways = this.#remoteIngresses().length;
      for (const { tags, ...at } of this.crossMeshListeners) {
        addEndpoint(map, { ...at, tags, weight: Math.max(1, ways), via: "local", external: false });
      }
      for (const { tags, ...endpoint } of this.#remoteEndpoints(throughEgress, (tags) => tags[meshTag] !== undefined)) {
        addEndpoint(map, { ...endpoint, tags: withoutMeshTag(tags) });
      }
      return map;
    });
  }

  /**
   * Protocol and kind of a service. Taken from everybody who has it, ready and reachable or not, and where nobody has it any more, from
   * what is remembered of it: an instance that fails turns requests into 503, and not an HTTP listener into a TCP one.
   */
  service(name: string): ServiceFacts {
    return this.#services.get(name) ?? { protocol: "unknown", external: false };
  }

  /** Whether anybody has the service, or had it. */
  knows(name: string): boolean {
    return this.#services.has(name);
  }

  get #services(): ReadonlyMap<string, ServiceFacts> {
    return this.remember("services", () => {
      const tags = new Map<string, Tags[]>();
      const internal = new Set<string>();
      const note = (of: Tags, external: boolean): void => {
        const service = of[serviceTag];
        if (!service) return;
        tags.set(service, [...(tags.get(service) ?? []), of]);
        if (!external) internal.add(service);
      };
      for (const dataplane of this.dataplanes) {
        if (!dataplane.spec.networking.gateway) for (const inbound of inboundInterfaces(dataplane)) note(inbound.tags, false);
      }
      for (const entry of this.#remote()) note(entry.tags, entry.external);
      for (const service of this.externalServices) note(service.tags, true);
      const facts = new Map<string, ServiceFacts>();
      for (const { name, spec } of this.#inputs.zoneResources.list<ServiceProtocolSpec>(serviceProtocolType, this.name)) {
        facts.set(name, { protocol: parseProtocol(spec.protocol), external: false });
      }
      for (const [service, sets] of tags) {
        const protocol = commonProtocol(sets.map((set) => parseProtocol(set[protocolTag])));
        facts.set(service, { protocol, external: !internal.has(service) });
      }
      return facts;
    });
  }
}

/** Tags that stand for one listener of a gateway in routes and policies; the most particular source of a tag wins. */
export function listenerTags(dataplane: Dataplane, gateway: MeshGateway, listener: MeshGatewayListener): Tags {
  return { ...dataplane.spec.networking.gateway?.tags, ...gateway.spec.tags, ...listener.tags };
}

function withoutMeshTag(tags: Tags): Tags {
  const { [meshTag]: _, ...others } = tags;
  return others;
}
