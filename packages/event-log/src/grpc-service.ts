import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, DescMethod, DescService, MessageShape } from "@bufbuild/protobuf";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";

type MethodOf<I extends DescMessage, O extends DescMessage> = DescMethod & { input: I; output: O };

/** A message, or one that is encoded already: what goes to many readers is encoded once. */
const serializer =
  <D extends DescMessage>(schema: D) =>
  (message: MessageShape<D> | Buffer): Buffer => {
    if (Buffer.isBuffer(message)) return message;
    const bytes = toBinary(schema, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };

/** Decodes to plain Uint8Arrays that look into the received bytes. */
const deserializer =
  <D extends DescMessage>(schema: D) =>
  (bytes: Buffer): MessageShape<D> =>
    fromBinary(schema, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));

/** A protobuf-es method as grpc-js wants it; for clients and servers. */
export function methodDefinition<I extends DescMessage, O extends DescMessage>(
  method: MethodOf<I, O>,
): MethodDefinition<MessageShape<I>, MessageShape<O>> {
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
    responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
    requestSerialize: serializer(method.input),
    requestDeserialize: deserializer(method.input),
    responseSerialize: serializer(method.output),
    responseDeserialize: deserializer(method.output),
  };
}

/** Keys are the methods' names in lowerCamelCase, as are those of the implementation given to `Server.addService`. */
export function serviceDefinition(service: DescService): ServiceDefinition {
  return Object.fromEntries(service.methods.map((method) => [method.localName, methodDefinition(method)]));
}
