import { create, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { typeUrlOf } from "@atoll/envoy-api";
import { hash } from "node:crypto";
import { noteReferences } from "./references.ts";
import type { EncodedResource } from "./snapshot.ts";

/**
 * Encodes a resource once; share the result between all snapshots that hold it. Equal messages give equal versions on every
 * server, so that a client which reconnects elsewhere is not sent what it has.
 */
export function encodeResource<Desc extends DescMessage>(schema: Desc, name: string, message: MessageInitShape<Desc>): EncodedResource {
  const made = create(schema, message);
  const bytes = toBinary(schema, made);
  noteReferences(made, bytes);
  return { name, typeUrl: typeUrlOf(schema), bytes, version: contentVersion(bytes) };
}

/** 64 bits of SHA-256, in hex: two versions of one resource never meet by accident, and a version stays short on the wire. */
export function contentVersion(content: Uint8Array | string): string {
  return hash("sha256", content, "hex").slice(0, 16);
}
