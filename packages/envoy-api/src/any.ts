import { create, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import type { Any } from "@bufbuild/protobuf/wkt";
import { typeUrlOf } from "./type-urls.ts";

/**
 * Packs a message, or the fields to make one of, into an Any. All encoding of Envoy messages goes through here.
 * Equal messages give equal bytes as long as their maps were filled in the same order.
 */
export function encodeAny<Desc extends DescMessage>(schema: Desc, message: MessageInitShape<Desc>): Any {
  const made = create(schema, message);
  const any = create(AnySchema, { typeUrl: typeUrlOf(schema), value: toBinary(schema, made) });
  Object.defineProperty(any, content, { value: made });
  return any;
}

/** Not a field: it is neither encoded nor compared. */
const content = Symbol("content");

/** What an Any of `encodeAny` was made of, for who would decode it; undefined of others. Nobody changes it. */
export function packedIn<Desc extends DescMessage>(schema: Desc, any: Any): MessageShape<Desc> | undefined {
  const made = (any as Any & { [content]?: MessageShape<DescMessage> })[content];
  return made?.$typeName === schema.typeName ? (made as MessageShape<Desc>) : undefined;
}
