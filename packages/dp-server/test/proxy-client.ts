import { Client, credentials, Metadata, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AggregatedDiscoveryService } from "@atoll/envoy-api/envoy/service/discovery/v3/ads_pb.js";
import {
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponse,
} from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import {
  HealthCheckRequestOrEndpointHealthResponseSchema,
  HealthDiscoveryService,
  type HealthCheckRequestOrEndpointHealthResponse,
  type HealthCheckSpecifier,
} from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import { eventually } from "@atoll/testkit";
import { serviceDefinition } from "@atoll/xds";

export interface ServerAddress {
  port: number;
  caPem: string;
}

type NodeInit = NonNullable<MessageInitShape<typeof DeltaDiscoveryRequestSchema>["node"]>;

const secretType = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/** What an Envoy is to the server: one stream over TLS, with a token. */
class ProxyStream<Out, In> {
  readonly responses: In[] = [];
  error: ServiceError | undefined;
  protected readonly call: ClientDuplexStream<Out, In>;
  readonly #client: Client;

  constructor(
    server: ServerAddress,
    method: { path: string; requestSerialize: (message: never) => Buffer; responseDeserialize: (bytes: Buffer) => unknown },
    headers: readonly [string, string][],
  ) {
    this.#client = new Client(`localhost:${server.port}`, credentials.createSsl(Buffer.from(server.caPem)));
    const metadata = new Metadata();
    for (const [name, value] of headers) metadata.add(name, value);
    this.call = this.#client.makeBidiStreamRequest(
      method.path,
      method.requestSerialize as (message: Out) => Buffer,
      method.responseDeserialize as (bytes: Buffer) => In,
      metadata,
    );
    this.call.on("data", (response: In) => this.responses.push(response));
    this.call.on("error", (error: ServiceError) => (this.error = error));
  }

  /** The error that the server ended the stream with. */
  refused(): Promise<ServiceError> {
    return eventually(() => this.error);
  }

  close(): void {
    this.call.cancel();
    this.#client.close();
  }
}

export class AdsClient extends ProxyStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse> {
  constructor(server: ServerAddress, headers: readonly [string, string][]) {
    super(server, serviceDefinition(AggregatedDiscoveryService)["deltaAggregatedResources"]!, headers);
  }

  start(node: NodeInit): this {
    this.call.write(create(DeltaDiscoveryRequestSchema, { typeUrl: clusterType, node }));
    return this;
  }

  /** Accepts what came last. */
  acknowledge(): void {
    const { typeUrl, nonce } = this.responses.at(-1)!;
    this.#write({ typeUrl, responseNonce: nonce });
  }

  /** Accepts every response, and asks for all endpoints and listeners, and for these secrets. */
  acknowledgeAll(secrets: readonly string[] = [], onAccepted: (response: DeltaDiscoveryResponse) => void = () => {}): void {
    let first = true;
    this.call.on("data", (response: DeltaDiscoveryResponse) => {
      const { typeUrl, nonce } = response;
      this.#write({ typeUrl, responseNonce: nonce });
      onAccepted(response);
      if (!first) return;
      first = false;
      for (const other of otherTypes) this.#write({ typeUrl: other, resourceNamesSubscribe: ["*"] });
      this.#write({ typeUrl: secretType, resourceNamesSubscribe: [...adminSecrets, ...secrets] });
    });
  }

  #write(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    this.call.write(create(DeltaDiscoveryRequestSchema, request));
  }
}

/** Of the admin listener, which every proxy has that is not on the loopback. */
const adminSecrets = ["envoy_admin:certificate", "envoy_admin:clients"];

/** What an Envoy asks for besides clusters. */
const otherTypes = ["endpoint.v3.ClusterLoadAssignment", "listener.v3.Listener"].map((name) => `type.googleapis.com/envoy.config.${name}`);

export class HdsClient extends ProxyStream<HealthCheckRequestOrEndpointHealthResponse, HealthCheckSpecifier> {
  constructor(server: ServerAddress, headers: readonly [string, string][]) {
    super(server, serviceDefinition(HealthDiscoveryService)["streamHealthCheck"]!, headers);
  }

  start(node: NodeInit): this {
    this.#write({ case: "healthCheckRequest", value: { node } });
    return this;
  }

  /** Check name -> HealthStatus. */
  report(results: Record<string, number>): void {
    const clusterEndpointsHealth = Object.entries(results).map(([clusterName, healthStatus]) => ({
      clusterName,
      localityEndpointsHealth: [{ endpointsHealth: [{ healthStatus }] }],
    }));
    this.#write({ case: "endpointHealthResponse", value: { clusterEndpointsHealth } });
  }

  #write(requestType: NonNullable<MessageInitShape<typeof HealthCheckRequestOrEndpointHealthResponseSchema>["requestType"]>): void {
    this.call.write(create(HealthCheckRequestOrEndpointHealthResponseSchema, { requestType }));
  }
}
