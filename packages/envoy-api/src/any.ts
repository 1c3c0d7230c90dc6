import { create, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { typeUrlOf } from "./type-urls.ts";

/**
 * Packs a message, or the fields to make one of, into an Any. All encoding of Envoy messages goes through here.
 * Equal messages give equal bytes as long as their maps were filled in the same order.
 */
export function encodeAny<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Any {
  return create(AnySchema, { typeUrl: typeUrlOf(schema), value: toBinary(schema, create(schema, message)) });
}
