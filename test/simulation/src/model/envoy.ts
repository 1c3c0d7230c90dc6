import { create, fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import { typeUrls } from "@atoll/envoy-api";
import { anyToJson } from "@atoll/envoy-api/registry";
import { ClusterSchema } from "@atoll/envoy-api/envoy/config/cluster/v3/cluster_pb.js";
import { ClusterLoadAssignmentSchema } from "@atoll/envoy-api/envoy/config/endpoint/v3/endpoint_pb.js";
import { AggregatedDiscoveryService } from "@atoll/envoy-api/envoy/service/discovery/v3/ads_pb.js";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import { references, serviceDefinition } from "@atoll/xds";
import { Client } from "../shims/grpc.ts";
import type { ClientStream } from "../shims/grpc-call.ts";
import type { Random } from "../world/random.ts";
import type { Simulation } from "../world/simulation.ts";
import type { Process } from "../world/world.ts";

export interface EnvoySpec {
  readonly name: string;
  readonly mesh: string;
  readonly zone: string;
  readonly address: string;
  readonly service: string;
  readonly calls: readonly string[];
}

interface Held {
  version: string;
  bytes: Uint8Array;
  /** Names of clusters that it sends requests to. */
  clusters: readonly string[];
}

const { cluster: clusterType, endpoint: endpointType, listener: listenerType, route: routeType } = typeUrls;
const named = new Map<string, readonly string[]>();

/** Every `"cluster": name` in a listener or a route configuration. */
function clustersIn(typeUrl: string, bytes: Uint8Array): readonly string[] {
  if (typeUrl !== listenerType && typeUrl !== routeType) return [];
  const key = Buffer.from(bytes).toString("latin1");
  let names = named.get(key);
  if (!names) {
    const found = new Set<string>();
    const walk = (value: unknown, field = ""): void => {
      if (typeof value === "string" && field === "cluster") found.add(value);
      else if (Array.isArray(value)) for (const each of value) walk(each, field);
      else if (value && typeof value === "object") for (const [name, each] of Object.entries(value)) walk(each, name);
    };
    walk(anyToJson({ $typeName: "google.protobuf.Any", typeUrl, value: bytes }));
    named.set(key, (names = [...found]));
  }
  return names;
}

/** What a bootstrap brings along. */
const isStatic = (cluster: string): boolean => /^(kuma|access_log|ads_)/.test(cluster) && !cluster.startsWith("kuma_gateway");

/** A client of an xDS server that does what an Envoy does: keeps what it has, whatever becomes of the server. */
export class SimulatedEnvoy {
  readonly spec: EnvoySpec;
  readonly held = new Map<string, Map<string, Held>>();
  /** Since when its stream stands and everything that came was answered; undefined = it does not. */
  servedSinceMs: number | undefined;
  running = false;
  /** Its Dataplane was removed on purpose, or is not to be. */
  token: string;
  thinkMs = 5;
  onViolation: (what: string) => void = () => undefined;
  /** How often it was refused. */
  refused = 0;
  lastEnd = "";
  readonly #simulation: Simulation;
  readonly #servers: readonly string[];
  readonly #random: Random;
  #process: Process | undefined;
  #subscribed = new Map<string, Set<string>>();
  #stream: ClientStream | undefined;
  #backoffMs = 200;

  constructor(simulation: Simulation, spec: EnvoySpec, servers: readonly string[], token: string) {
    this.#simulation = simulation;
    this.spec = spec;
    this.#servers = servers;
    this.token = token;
    this.#random = simulation.world.random.fork(spec.name);
  }

  get process(): Process | undefined {
    return this.#process;
  }

  /** Its server has not given it up. */
  get isLive(): boolean {
    return this.servedSinceMs !== undefined && !this.#process?.frozen && this.#stream?.link?.server?.isOpen === true;
  }

  start(): void {
    const { world } = this.#simulation;
    this.#process = world.start(world.host(this.spec.name));
    this.running = true;
    this.held.clear();
    world.as(this.#process, () => this.#connect());
  }

  kill(): void {
    if (!this.#process || this.#process.dead) return;
    this.#process.dead = true;
    this.running = false;
    this.servedSinceMs = undefined;
    this.#simulation.network.died(this.#process);
  }

  /** Names of what it has of a type. */
  of(typeUrl: string): ReadonlyMap<string, Held> {
    return this.held.get(typeUrl) ?? new Map<string, Held>();
  }

  /** Of its clusters that connect to services of the mesh. */
  connectTimeoutsMs(): number[] {
    return [...this.of(clusterType)].flatMap(([name, { bytes }]) => {
      if (!this.spec.calls.some((service) => name.startsWith(service))) return [];
      const timeout = fromBinary(ClusterSchema, bytes).connectTimeout;
      return timeout ? [Math.round(Number(timeout.seconds) * 1000 + timeout.nanos / 1e6)] : [];
    });
  }

  /** Addresses of the endpoints of a service. */
  endpoints(service: string): string[] {
    const found: string[] = [];
    for (const [name, { bytes }] of this.of(endpointType)) {
      if (!name.startsWith(service)) continue;
      for (const address of addressesOf(bytes)) found.push(address);
    }
    return found.sort();
  }

  #connect(): void {
    const { world } = this.#simulation;
    const server = this.#random.pick(this.#servers);
    const { path, requestSerialize, responseDeserialize } = serviceDefinition(AggregatedDiscoveryService)["deltaAggregatedResources"]!;
    const metadata = new Metadata();
    metadata.set("authorization", this.token);
    const stream = new Client(`${server}:5678`).makeBidiStreamRequest(
      path,
      requestSerialize as never,
      responseDeserialize as never,
      metadata,
    );
    this.#stream = stream;
    this.#subscribed = new Map();
    stream.on("data", (response: DeltaDiscoveryResponse) => this.#receive(stream, response));
    stream.on("error", (error: Error) => this.#ended(stream, error.message));
    stream.on("end", () => this.#ended(stream, "the stream ended"));
    const { name, mesh, address, service, calls } = this.spec;
    const resource = {
      type: "Dataplane",
      mesh,
      name,
      networking: {
        address,
        inbound: [{ port: 8080, tags: { "kuma.io/service": service, "kuma.io/protocol": "http" } }],
        outbound: calls.map((called, index) => ({ port: 10_001 + index, tags: { "kuma.io/service": called } })),
      },
    };
    const node = {
      id: `${mesh}.${name}`,
      metadata: { "dataplane.proxyType": "dataplane", "dataplane.resource": JSON.stringify(resource) },
    };
    this.#subscribed.set(clusterType, new Set(["*"]));
    this.#write(stream, { typeUrl: clusterType, node, initialResourceVersions: this.#versions(clusterType) });
    // What it held before, it asks for again.
    for (const [typeUrl, resources] of this.held) {
      if (typeUrl === clusterType || resources.size === 0) continue;
      const names = typeUrl === listenerType ? ["*"] : [...resources.keys()];
      this.#subscribed.set(typeUrl, new Set(names));
      this.#write(stream, { typeUrl, resourceNamesSubscribe: names, initialResourceVersions: this.#versions(typeUrl) });
    }
    world.trace(`${name} dials ${server}`);
    // Who has everything hears nothing.
    setTimeout(() => {
      if (stream === this.#stream) this.servedSinceMs ??= world.now;
    }, 1_000);
  }

  #versions(typeUrl: string): Record<string, string> {
    return Object.fromEntries([...this.of(typeUrl)].map(([name, { version }]) => [name, version]));
  }

  #write(stream: ClientStream, request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    stream.write(create(DeltaDiscoveryRequestSchema, request) satisfies DeltaDiscoveryRequest);
  }

  #ended(stream: ClientStream, reason: string): void {
    if (stream !== this.#stream) return;
    this.#stream = undefined;
    this.servedSinceMs = undefined;
    this.lastEnd = reason;
    if (reason.includes("authentication failed")) this.refused += 1;
    this.#simulation.world.trace(`${this.spec.name} lost its stream: ${reason}`);
    setTimeout(() => this.#connect(), this.#random.between(this.#backoffMs / 2, this.#backoffMs));
    this.#backoffMs = Math.min(5_000, this.#backoffMs * 2);
  }

  #receive(stream: ClientStream, response: DeltaDiscoveryResponse): void {
    if (stream !== this.#stream) return;
    const { typeUrl, nonce, resources, removedResources } = response;
    this.#backoffMs = 200;
    let held = this.held.get(typeUrl);
    if (!held) this.held.set(typeUrl, (held = new Map()));
    for (const { name, version, resource } of resources) {
      const bytes = resource?.value ?? new Uint8Array();
      held.set(name, { version, bytes, clusters: clustersIn(typeUrl, bytes) });
      this.#checkReach(typeUrl, bytes);
    }
    for (const name of removedResources) held.delete(name);
    const short = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
    this.#simulation.world.trace(
      `${this.spec.name} gets ${short} +${resources.map(({ name }) => name).join(",")} -${removedResources.join(",")}`,
    );
    this.#checkReferences(short);
    setTimeout(() => this.#answer(stream, typeUrl, nonce), this.#random.between(0.5, this.thinkMs));
  }

  #answer(stream: ClientStream, typeUrl: string, nonce: string): void {
    if (stream !== this.#stream) return;
    this.#write(stream, { typeUrl, responseNonce: nonce });
    this.servedSinceMs ??= this.#simulation.world.now;
    const wanted = new Map<string, Set<string>>();
    for (const type of [clusterType, listenerType]) {
      for (const [name, { bytes, version }] of this.of(type)) {
        for (const one of references({ name, typeUrl: type, bytes, version })) {
          const names = wanted.get(one.typeUrl) ?? new Set<string>();
          wanted.set(one.typeUrl, names.add(one.name));
        }
      }
    }
    wanted.set(listenerType, new Set(["*"]));
    for (const [type, names] of wanted) {
      const before = this.#subscribed.get(type) ?? new Set<string>();
      const more = [...names].filter((name) => !before.has(name));
      const less = type === listenerType ? [] : [...before].filter((name) => !names.has(name));
      this.#subscribed.set(type, names);
      if (more.length === 0 && less.length === 0) continue;
      for (const name of less) this.held.get(type)?.delete(name);
      this.#write(stream, { typeUrl: type, resourceNamesSubscribe: more, resourceNamesUnsubscribe: less });
    }
    for (const [type, before] of this.#subscribed) {
      if (type === clusterType || wanted.has(type) || before.size === 0) continue;
      this.#subscribed.set(type, new Set());
      this.held.get(type)?.clear();
      this.#write(stream, { typeUrl: type, resourceNamesUnsubscribe: [...before] });
    }
  }

  /** Whatever sends requests to a cluster comes after it, and goes before it. */
  #checkReferences(after: string): void {
    const clusters = this.of(clusterType);
    for (const type of [listenerType, routeType]) {
      for (const [name, { clusters: used }] of this.of(type)) {
        for (const cluster of used) {
          if (!clusters.has(cluster) && !isStatic(cluster))
            this.onViolation(`${this.spec.name} is told by ${name} to use cluster ${cluster}, which it has not (after a ${after})`);
        }
      }
    }
  }

  /** Addresses say which mesh and zone they are of. */
  #checkReach(typeUrl: string, bytes: Uint8Array): void {
    if (typeUrl !== endpointType) return;
    const own = this.spec.address.split(".").slice(0, 3).join(".");
    for (const address of addressesOf(bytes)) {
      if (!address.startsWith(`${own}.`)) this.onViolation(`${this.spec.name} (${own}.*) is sent the endpoint ${address}`);
    }
  }
}

const addressesOf = (bytes: Uint8Array): string[] =>
  fromBinary(ClusterLoadAssignmentSchema, bytes).endpoints.flatMap(({ lbEndpoints }) =>
    lbEndpoints.flatMap(({ hostIdentifier }) => {
      if (hostIdentifier.case !== "endpoint") return [];
      const address = hostIdentifier.value.address?.address;
      return address?.case === "socketAddress" ? [address.value.address] : [];
    }),
  );
