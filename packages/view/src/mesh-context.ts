import { equalValue, Fact, SharedFacts } from "@atoll/facts";
import { chooseDataplanePolicy, dataplanePolicyCandidates, egressCallee, mayCall, permission, placesOf } from "@atoll/policy";
import type { Candidate, PolicyMesh, PolicyRules, Selector, Tags } from "@atoll/policy";
import type { ExternalServiceSpec, MeshGatewaySpec, MeshSpec, Resource, ServiceProtocolSpec, VirtualIpSpec } from "@atoll/resource";
import { serviceProtocolType, serviceTypes, virtualIpType } from "@atoll/resource";
import { tagSets } from "./dataplane.ts";
import type { Dataplane } from "./dataplane.ts";
import type { Endpoint, EndpointsByService } from "./endpoint.ts";
import { externalService } from "./external-service.ts";
import type { ExternalService } from "./external-service.ts";
import type { ViewOptions } from "./inputs.ts";
import { MeshEndpoints } from "./mesh-endpoints.ts";
import type { ServiceFacts } from "./mesh-endpoints.ts";
import type { MeshContexts } from "./mesh-contexts.ts";
import type { ResourceIndex } from "./state/state-tables.ts";
import { RealServices } from "./services/real-services.ts";
import type { Address, ZoneContext } from "./zone-context.ts";

export type MeshGateway = Resource<MeshGatewaySpec>;

/** A policy with its conf, as `policy` and `view` read it. */
export type Policy = Resource<{ sources?: Selector[]; destinations?: Selector[]; selectors?: Selector[] }>;

/** A crossMesh listener of a gateway that runs in this zone. */
export interface CrossMeshListener extends Address {
  tags: Tags;
  away: Endpoint["away"];
}

const externalByService: ResourceIndex<ExternalServiceSpec, ExternalService> = {
  type: "ExternalService",
  entriesOf: (resource) => {
    const value = externalService(resource);
    return value ? [{ group: value.service, value }] : [];
  },
};

const placeIndexes = new Map<string, ResourceIndex<never>>();

function byPlace<Spec>(type: string): ResourceIndex<Spec> {
  let index = placeIndexes.get(type);
  if (index === undefined) {
    index = { type, entriesOf: (value) => placesOf(value).map((group) => ({ group, value })) };
    placeIndexes.set(type, index);
  }
  return index as unknown as ResourceIndex<Spec>;
}

interface MeshSettings {
  mtls: "off" | "STRICT" | "PERMISSIVE";
  zoneEgress: boolean;
  localityAware: boolean;
  meshServicesMode: string;
}

/**
 * Everything about one mesh that its proxies' views share. Each getter is a fact of its own, made when first asked for, and anew when
 * something that it was made from has changed; ask for as little as is needed.
 */
export class MeshContext implements PolicyMesh {
  readonly name: string;
  readonly zone: ZoneContext;
  readonly rules: PolicyRules;
  readonly options: ViewOptions;
  /** Parts of views that many proxies share. A part's function uses nothing that its key does not tell; what else it needs, it reads here. */
  readonly memo: SharedFacts;
  /** Services that are resources: MeshServices, MeshExternalServices, MeshMultiZoneServices. */
  readonly realServices: RealServices;
  readonly #contexts: MeshContexts;
  readonly #settings: Fact<MeshSettings>;
  readonly #virtualIps: Fact<readonly VirtualIpSpec[]>;
  readonly #endpoints: MeshEndpoints;

  constructor(name: string, contexts: MeshContexts, rules: PolicyRules) {
    const { graph, zone, options } = contexts;
    this.name = name;
    this.zone = zone;
    this.rules = rules;
    this.options = options;
    this.memo = new SharedFacts(graph);
    this.#contexts = contexts;
    this.#settings = new Fact(graph, () => settingsOf(this.mesh.spec), equalValue);
    this.#virtualIps = new Fact(graph, () => this.#namesInEffect(), equalValue);
    this.#endpoints = new MeshEndpoints(graph, this);
    this.realServices = new RealServices(graph, this, contexts);
  }

  /** Throws if there is no such mesh any more: `MeshContexts.mesh` tells. */
  get mesh(): Resource<MeshSpec> {
    const mesh = this.#contexts.config.get<MeshSpec>("Mesh", "", this.name);
    if (!mesh) throw new Error(`mesh ${this.name} does not exist`);
    return mesh;
  }

  get mtls(): "off" | "STRICT" | "PERMISSIVE" {
    return this.#settings.get().mtls;
  }

  get zoneEgress(): boolean {
    return this.#settings.get().zoneEgress;
  }

  get locality(): { zone: string; aware: boolean } {
    return { zone: this.zone.zone, aware: this.#settings.get().localityAware };
  }

  /** All resources of a type in the mesh, sorted by name. Whoever reads this is made anew with every change of any of them. */
  resources<Spec>(type: string): readonly Resource<Spec>[] {
    if ((serviceTypes as readonly string[]).includes(type)) return this.realServices.resources(type) as readonly Resource<Spec>[];
    return this.#contexts.config.list<Spec>(type, this.name);
  }

  /** Whether the mesh has any resource of the type. */
  has(type: string): boolean {
    return !this.#contexts.config.isEmpty(type, this.name);
  }

  /** Those of a type that can have a say in one of the places (`placesOf`), sorted by name. */
  placed<Spec>(type: string, places: readonly string[]): readonly Resource<Spec>[] {
    if (!this.has(type)) return [];
    const found = places.map((place) => this.indexed(byPlace<Spec>(type), place)).filter((some) => some.length > 0);
    if (found.length <= 1) return found[0] ?? [];
    return [...new Set(found.flat())].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** What resources of a type say, as far as the index has it in that group. */
  indexed<Spec, Value>(index: ResourceIndex<Spec, Value>, group: string): readonly Value[] {
    return this.#contexts.config.index(index, this.name).of(group);
  }

  resource<Spec>(type: string, name: string): Resource<Spec> | undefined {
    return this.#contexts.config.get<Spec>(type, this.name, name);
  }

  get hasTrafficRoutes(): boolean {
    return this.has("TrafficRoute");
  }

  /** True if anything in the mesh reads the x-kuma-tags header. */
  get readsKumaTags(): boolean {
    return this.has("RateLimit") || this.has("FaultInjection") || this.has("MeshFaultInjection");
  }

  /** All in this zone. Whoever reads this is made anew with every change of any of them. */
  get dataplanes(): readonly Dataplane[] {
    return this.zone.proxies.dataplanes(this.name);
  }

  /** Those in this zone with an inbound of the service. */
  workloadsOf(service: string): readonly Dataplane[] {
    return this.zone.proxies.workloadsOf(this.name, service);
  }

  /** The proxy's own resource, also before others know of it. */
  dataplane(name: string): Dataplane | undefined {
    return this.#contexts.own("Dataplane", this.name, name);
  }

  /** Names of the mesh's services in this zone, in the order of their records; none where MeshServices alone have names. */
  get virtualIps(): readonly VirtualIpSpec[] {
    return this.#virtualIps.get();
  }

  #namesInEffect(): VirtualIpSpec[] {
    if (this.meshServicesMode === "Exclusive") return [];
    const records = this.#contexts.zoneResources.list<VirtualIpSpec>(virtualIpType, this.name);
    return records.map(({ spec }) => spec).filter(({ outbounds }) => outbounds.length > 0);
  }

  /** Whether MeshServices are generated, and who calls them: `Disabled`, `Everywhere`, `ReachableBackends` or `Exclusive`. */
  get meshServicesMode(): string {
    return this.#settings.get().meshServicesMode;
  }

  /** Of all zones, sorted by name. */
  get externalServices(): readonly ExternalService[] {
    return this.resources<ExternalServiceSpec>("ExternalService").flatMap((resource) => externalService(resource) ?? []);
  }

  /** Names of services that are ExternalServices, sorted. */
  get externalServiceNames(): readonly string[] {
    return this.#contexts.config.index(externalByService, this.name).groups();
  }

  /** Of all zones, sorted by name. */
  externalServicesOf(service: string): readonly ExternalService[] {
    return this.indexed(externalByService, service);
  }

  /** What is remembered of a service that nobody may have at present. */
  rememberedProtocol(service: string): string | undefined {
    return this.#contexts.zoneResources.get<ServiceProtocolSpec>(serviceProtocolType, this.name, service)?.spec.protocol;
  }

  /** Those that this zone may dial, through its egress or directly. */
  reachableExternalServicesOf(service: string): readonly ExternalService[] {
    return this.externalServicesOf(service).filter(({ zone }) => zone === undefined || zone === this.zone.zone);
  }

  /**
   * Those of a service that a dataplane may dial itself: the permission by which an egress would let it through names it, whatever else
   * the mesh has. Whom none is for is dialled by nobody, as nobody gets into an inbound without one.
   */
  permittedExternalServices(sources: readonly Tags[], service: string): readonly ExternalService[] {
    const externals = this.externalServicesOf(service);
    if (externals.length === 0) return externals;
    return externals.filter(({ tags }) => mayCall(egressCallee(this, [tags]).answer(permission).conf, sources));
  }

  /** How a sidecar or gateway of this mesh reaches each service, except external services it dials itself. */
  get endpoints(): EndpointsByService {
    return this.#endpoints.reached;
  }

  /** How this zone's egress reaches the mesh's services of other zones. */
  get remoteEndpoints(): EndpointsByService {
    return this.#endpoints.remote;
  }

  /** What this zone's ingress may hand traffic to. */
  get ingressEndpoints(): EndpointsByService {
    return this.#endpoints.handed;
  }

  /** How proxies of another mesh reach a cross-mesh gateway of this mesh. */
  crossMeshEndpoints(service: string, throughEgress: boolean): readonly Endpoint[] {
    return this.#endpoints.crossMesh(service, throughEgress);
  }

  get crossMeshListeners(): readonly CrossMeshListener[] {
    return this.#endpoints.crossMeshListeners.get();
  }

  /** The MeshGateway that configures a builtin gateway dataplane. */
  gatewayOf(dataplane: Dataplane): MeshGateway | undefined {
    return chooseDataplanePolicy(this.resources<MeshGatewaySpec>("MeshGateway"), tagSets(dataplane), this.rules);
  }

  /** How the MeshGateway of a dataplane was chosen. */
  gatewayCandidates(dataplane: Dataplane): Candidate<MeshGateway>[] {
    return dataplanePolicyCandidates(this.resources<MeshGatewaySpec>("MeshGateway"), tagSets(dataplane), this.rules);
  }

  /**
   * Protocol and kind of a service. Taken from everybody who has it, ready and reachable or not, and where nobody has it any more, from
   * what is remembered of it: an instance that fails turns requests into 503, and not an HTTP listener into a TCP one.
   */
  service(name: string): ServiceFacts {
    return this.#endpoints.facts.get(name);
  }

  /** Whether anybody has the service, or had it. */
  knows(name: string): boolean {
    return this.#endpoints.facts.get(name).known;
  }

  /** The fact of that key, made by who asked first: what is not in the key is to be read here. */
  remember<Value>(key: string, make: () => Value): Value {
    return this.memo.share(key, make);
  }

  /** Key type of a gateway's certificate, which is part of its secret's name. */
  certificateKeyType(secret: string): "rsa" | "ecdsa" {
    this.resource("Secret", secret);
    return this.options.certificateKeyType?.(this.name, secret) ?? "rsa";
  }
}

function settingsOf({ mtls, routing, meshServices }: MeshSpec): MeshSettings {
  const mode = mtls?.backends?.find((backend) => backend.name === mtls.enabledBackend)?.mode ?? "STRICT";
  const secured = mtls?.enabledBackend ? mode : "off";
  return {
    mtls: secured,
    zoneEgress: secured !== "off" && routing?.zoneEgress === true,
    localityAware: routing?.localityAwareLoadBalancing === true,
    meshServicesMode: meshServices?.mode ?? "Disabled",
  };
}
