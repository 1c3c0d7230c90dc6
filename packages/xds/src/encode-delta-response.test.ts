import { fromBinary } from "@bufbuild/protobuf";
import { DeltaDiscoveryResponseSchema } from "@atoll/envoy-api/envoy/service/discovery/v3/discovery_pb.js";
import { expect, test } from "vitest";
import { encodeDeltaResponse } from "./encode-delta-response.ts";
import type { Push } from "./push.ts";
import type { EncodedResource } from "./snapshot.ts";

const push = (resources: EncodedResource[], removals: string[] = []): Push => ({
  typeUrl: "type.example/Thing",
  sequence: 12,
  generation: 1,
  revision: 34,
  upserts: new Map(resources.map((one) => [one.name, one])),
  removals,
  resources,
  version: "34",
  probe: false,
  partial: false,
  answers: true,
  settles: true,
});

test.each([[0], [1], [127], [128], [16_383], [16_384], [3_000_000]])("resources of %i bytes are read back as they are", (length) => {
  const resources = ["a", "ümlaut ☃", ""].map((name, index) => ({
    name,
    typeUrl: `type.example/${"T".repeat(index * 100)}`,
    bytes: Uint8Array.from({ length }, (_, at) => (at * 7 + index) & 255),
    version: `v${index}`,
  }));
  const read = fromBinary(DeltaDiscoveryResponseSchema, encodeDeltaResponse(push(resources, ["gone", "too"]), "server-1"));
  expect(read).toMatchObject({
    typeUrl: "type.example/Thing",
    nonce: "12",
    systemVersionInfo: "34",
    removedResources: ["gone", "too"],
    controlPlane: { identifier: "server-1" },
  });
  expect(read.resources.map(({ name, version }) => [name, version])).toEqual(resources.map(({ name, version }) => [name, version]));
  for (const [index, { resource }] of read.resources.entries()) {
    expect(resource!.typeUrl).toBe(resources[index]!.typeUrl);
    expect(Buffer.compare(resource!.value, resources[index]!.bytes)).toBe(0);
  }
  expect(read.$unknown).toBeUndefined();
});
