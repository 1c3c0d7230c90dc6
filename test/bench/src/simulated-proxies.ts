import { readFileSync } from "node:fs";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Client, type ClientDuplexStream, credentials, Metadata } from "@grpc/grpc-js";
import type { Stack, StackZone } from "@atoll/demo/stack";
import { AggregatedDiscoveryService } from "@atoll/envoy-api/envoy/service/discovery/v3/ads_pb.js";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryRequestSchema,
  type DeltaDiscoveryResponse,
} from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import { references, serviceDefinition } from "@atoll/xds";

const clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener";

export interface SimulatedDataplane {
  name: string;
  service: string;
  address: string;
  port: number;
}

/**
 * Proxies of a zone's mesh `default` as its xDS server sees them: streams that ask for what an Envoy asks for and accept everything, over one
 * connection, without Envoys.
 */
export class SimulatedProxies {
  readonly #client: Client;
  readonly #metadata = new Metadata();
  readonly #calls: ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>[] = [];

  private constructor(client: Client, token: string) {
    this.#client = client;
    this.#metadata.set("authorization", token);
  }

  static async open(stack: Stack, zone: StackZone): Promise<SimulatedProxies> {
    const answer = await fetch(`${stack.url}/tokens/dataplane`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ mesh: "default", validFor: "24h" }),
    });
    const token = await answer.text();
    if (answer.status !== 200) throw new Error(`no dataplane token: ${answer.status} ${token}`);
    const address = `localhost:${zone.ports.dp}`;
    return new SimulatedProxies(new Client(address, credentials.createSsl(readFileSync(stack.caFile(zone.name)))), token);
  }

  /** Begins the stream of a proxy that brings its own resource. Resolves when it is given its clusters. */
  connect({ name, service, address, port }: SimulatedDataplane): Promise<void> {
    const { path, requestSerialize, responseDeserialize } = serviceDefinition(AggregatedDiscoveryService)["deltaAggregatedResources"]!;
    const call = this.#client.makeBidiStreamRequest<DeltaDiscoveryRequest, DeltaDiscoveryResponse>(
      path,
      requestSerialize,
      responseDeserialize,
      this.#metadata,
    );
    this.#calls.push(call);
    const write = (request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>) =>
      call.write(create(DeltaDiscoveryRequestSchema, request));
    const resource = {
      type: "Dataplane",
      mesh: "default",
      name,
      networking: { address, inbound: [{ port, tags: { "kuma.io/service": service, "kuma.io/protocol": "http" } }] },
    };
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    call.on("error", reject);
    const asked = new Set<string>();
    call.on("data", ({ typeUrl, nonce, resources }: DeltaDiscoveryResponse) => {
      write({ typeUrl, responseNonce: nonce });
      for (const { name: resourceName, version, resource: any } of resources) {
        for (const named of references({ name: resourceName, typeUrl, bytes: any?.value ?? new Uint8Array(), version })) {
          if (asked.has(`${named.typeUrl} ${named.name}`)) continue;
          asked.add(`${named.typeUrl} ${named.name}`);
          write({ typeUrl: named.typeUrl, resourceNamesSubscribe: [named.name] });
        }
      }
      if (typeUrl !== clusterType || asked.has(listenerType)) return;
      asked.add(listenerType);
      write({ typeUrl: listenerType, resourceNamesSubscribe: ["*"] });
      resolve();
    });
    const metadata = { "dataplane.proxyType": "dataplane", "dataplane.resource": JSON.stringify(resource) };
    write({ typeUrl: clusterType, node: { id: `default.${name}`, metadata } });
    return promise;
  }

  close(): void {
    for (const call of this.#calls) {
      call.removeAllListeners("error");
      call.on("error", () => undefined);
      call.cancel();
    }
    this.#client.close();
  }
}
