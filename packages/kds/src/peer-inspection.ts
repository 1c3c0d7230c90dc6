import { create } from "@bufbuild/protobuf";
import { methodDefinition, relayChannelOptions } from "@atoll/event-log";
import { InspectRequestSchema, Kds } from "@atoll/kds-api";
import type { Answer } from "@atoll/kds-api";
import { Client, Metadata } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { parseEndpoint } from "./endpoint.ts";
import { encodeQuery, QueryError, timeoutOf, type ZoneQuery } from "./proxy-query.ts";

/** Another instance of global, as it tells in the log that they share. */
export interface GlobalPeer {
  /** `grpcs://host:port` */
  address: string;
  /** PEM: what it presents there. */
  certificate: string;
}

/** More than a zone is given to answer. */
const moreMs = 2_000;

/** Has another instance of global ask the sessions that it holds with the zone. Rejects with `QueryError`. */
export async function inspectAtPeer(peer: GlobalPeer, bearer: string, zone: string, query: ZoneQuery): Promise<Uint8Array> {
  const { target, credentials, channelOptions } = parseEndpoint({ address: peer.address, tls: { pinned: peer.certificate } });
  const client = new Client(target, credentials, { ...relayChannelOptions, ...channelOptions, "grpc.use_local_subchannel_pool": 1 });
  const { path, requestSerialize, responseDeserialize } = methodDefinition(Kds.method.inspect);
  const timeoutMs = timeoutOf(query) + moreMs;
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${bearer}`);
  const request = create(InspectRequestSchema, { zone, query: encodeQuery("", query, timeoutMs) });
  try {
    const { result } = await new Promise<Answer>((resolve, reject) => {
      client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        { deadline: Date.now() + timeoutMs },
        (error: ServiceError | null, answer?: Answer) =>
          error
            ? reject(new QueryError("failed", `the instance of global that zone ${zone} is connected to: ${error.details}`))
            : resolve(answer!),
      );
    });
    if (result.case === "body") return result.value;
    throw new QueryError("failed", result.case === "error" ? result.value : "the answer is empty");
  } finally {
    client.close();
  }
}
