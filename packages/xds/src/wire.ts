import { create } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { DiscoveryResponseSchema } from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import type {
  DeltaDiscoveryRequest,
  DiscoveryRequest,
  DiscoveryResponse,
} from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import { nonceOf } from "./push.ts";
import type { Push } from "./push.ts";
import type { SessionRequest } from "./session.ts";
import type { EncodedResource } from "./snapshot.ts";

export function readDeltaRequest(request: DeltaDiscoveryRequest): SessionRequest {
  return {
    typeUrl: request.typeUrl,
    nonce: request.responseNonce,
    error: request.errorDetail?.message,
    delta: {
      subscribe: request.resourceNamesSubscribe,
      unsubscribe: request.resourceNamesUnsubscribe,
      initialVersions: request.initialResourceVersions,
    },
  };
}

export function readSotwRequest(request: DiscoveryRequest): SessionRequest {
  return {
    typeUrl: request.typeUrl,
    nonce: request.responseNonce,
    error: request.errorDetail?.message,
    sotw: { names: request.resourceNames, version: request.versionInfo },
  };
}

export function writeSotwResponse(push: Push, identifier: string): DiscoveryResponse {
  return create(DiscoveryResponseSchema, {
    typeUrl: push.typeUrl,
    nonce: nonceOf(push),
    versionInfo: push.version,
    resources: push.resources.map(packed),
    controlPlane: { identifier },
  });
}

function packed(resource: EncodedResource): Any {
  return create(AnySchema, { typeUrl: resource.typeUrl, value: resource.bytes });
}
