import { Client, credentials, Metadata } from "@grpc/grpc-js";
import type { ClientDuplexStream, ServiceError } from "@grpc/grpc-js";
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AggregatedDiscoveryService } from "@atoll/envoy-api/envoy/service/discovery/v3/ads_pb.js";
import { DeltaDiscoveryRequestSchema, DiscoveryRequestSchema } from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import type {
  DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
  DiscoveryRequest,
  DiscoveryResponse,
} from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import { serviceDefinition } from "../src/index.ts";
import { until } from "./wait.ts";

type Request = DeltaDiscoveryRequest | DiscoveryRequest;
type Response = DeltaDiscoveryResponse | DiscoveryResponse;

/** A client on a real connection, which writes down all that goes over the wire. */
export class WireClient {
  readonly transcript: string[] = [];
  readonly responses: Response[] = [];
  error: ServiceError | undefined;
  ended = false;
  readonly #client: Client;
  readonly #call: ClientDuplexStream<Request, Response>;
  readonly #protocol: "delta" | "sotw";
  #seen = 0;

  constructor(port: number, protocol: "delta" | "sotw", headers: Record<string, string> = {}) {
    this.#protocol = protocol;
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    const method =
      serviceDefinition(AggregatedDiscoveryService)[protocol === "delta" ? "deltaAggregatedResources" : "streamAggregatedResources"];
    if (method === undefined) throw new Error("no such method");
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const { path, requestSerialize, responseDeserialize } = method;
    this.#call = this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize as (bytes: Buffer) => Response, metadata);
    this.#call.on("data", (response: Response) => {
      this.responses.push(response);
      this.transcript.push(`< ${lineOf(response)}`);
    });
    this.#call.on("error", (error: ServiceError) => (this.error = error));
    this.#call.on("end", () => (this.ended = true));
  }

  delta(request: MessageInitShape<typeof DeltaDiscoveryRequestSchema>): void {
    this.#write(create(DeltaDiscoveryRequestSchema, request));
  }

  sotw(request: MessageInitShape<typeof DiscoveryRequestSchema>): void {
    this.#write(create(DiscoveryRequestSchema, request));
  }

  /** The next response, waited for. */
  async next(): Promise<Response> {
    const at = this.#seen++;
    return await until(
      () => this.responses[at],
      `response ${at + 1} is there`,
      () => [...this.transcript, this.error?.message ?? ""].join("\n"),
    );
  }

  /** Waits for the next response and accepts it. */
  async accept(names?: string[]): Promise<void> {
    const { typeUrl, nonce, ...rest } = await this.next();
    if (this.#protocol === "delta") this.delta({ typeUrl, responseNonce: nonce });
    else
      this.sotw({ typeUrl, responseNonce: nonce, resourceNames: names ?? [], versionInfo: "versionInfo" in rest ? rest.versionInfo : "" });
  }

  async refuse(message: string): Promise<void> {
    const { typeUrl, nonce } = await this.next();
    const answer = { typeUrl, responseNonce: nonce, errorDetail: { code: 3, message } };
    if (this.#protocol === "delta") this.delta(answer);
    else this.sotw(answer);
  }

  close(): void {
    this.#call.cancel();
    this.#client.close();
  }

  hangUp(): void {
    this.#call.end();
  }

  #write(request: Request): void {
    this.transcript.push(`> ${lineOf(request)}`);
    this.#call.write(request);
  }
}

/** The fields that are set, in short. */
function lineOf(message: Request | Response): string {
  const type = message.typeUrl.slice(message.typeUrl.lastIndexOf(".") + 1);
  const words: string[] = [type];
  const add = (label: string, value: string | undefined): void => {
    if (value) words.push(`${label}=${value}`);
  };
  switch (message.$typeName) {
    case "envoy.service.discovery.v3.DeltaDiscoveryRequest":
      add("node", message.node?.id);
      add("subscribe", message.resourceNamesSubscribe.join());
      add("unsubscribe", message.resourceNamesUnsubscribe.join());
      add(
        "initial",
        Object.entries(message.initialResourceVersions)
          .map(([name, version]) => `${name}@${version}`)
          .join(),
      );
      add("nonce", message.responseNonce);
      add("error", message.errorDetail && JSON.stringify(message.errorDetail.message));
      break;
    case "envoy.service.discovery.v3.DiscoveryRequest":
      add("node", message.node?.id);
      add("names", message.resourceNames.join());
      add("version", message.versionInfo);
      add("nonce", message.responseNonce);
      add("error", message.errorDetail && JSON.stringify(message.errorDetail.message));
      break;
    case "envoy.service.discovery.v3.DeltaDiscoveryResponse":
      add("nonce", message.nonce);
      add("resources", message.resources.map(({ name, version }) => `${name}@${version}`).join());
      add("removed", message.removedResources.join());
      add("from", message.controlPlane?.identifier);
      break;
    case "envoy.service.discovery.v3.DiscoveryResponse":
      add("nonce", message.nonce);
      add("version", message.versionInfo);
      add("resources", String(message.resources.length));
      add("from", message.controlPlane?.identifier);
      break;
  }
  return words.join(" ");
}
