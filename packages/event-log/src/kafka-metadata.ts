import type { KafkaProtocol } from "kafkajs/src/network/connectionPool.js";
import Decoder from "kafkajs/src/protocol/decoder.js";
import Encoder from "kafkajs/src/protocol/encoder.js";
import type { BrokerAddress } from "./kafka-connection.ts";

/** Where a topic is. */
export interface TopicMetadata {
  /** 0, or the protocol's error code: 3 = there is no such topic, 29 = not for us. */
  errorCode: number;
  /** Given at its creation: a topic that was deleted and made anew has another. */
  id: string;
  partitions: number;
  /** Of partition 0; undefined while one is being elected. */
  leader: BrokerAddress | undefined;
  brokers: number;
}

/** Version 12 carries topic ids, which kafkajs (version 6) does not know. https://kafka.apache.org/protocol.html#The_Messages_Metadata */
export const metadataVersion = 12;
export const metadataKey = 3;

export function metadataRequest(topic: string): KafkaProtocol<TopicMetadata> {
  return {
    request: {
      apiKey: metadataKey,
      apiVersion: metadataVersion,
      apiName: "Metadata",
      encode: async () =>
        new Encoder()
          .writeUVarInt(0) // tagged fields of the header
          .writeUVarInt(1 + 1)
          .writeBuffer(Buffer.alloc(16))
          .writeUVarIntString(topic)
          .writeUVarInt(0)
          .writeBoolean(false) // no automatic creation
          .writeBoolean(false)
          .writeUVarInt(0),
    },
    response: { decode: async (payload) => decode(new Decoder(payload)), parse: async (metadata) => metadata as TopicMetadata },
  };
}

function decode(decoder: Decoder): TopicMetadata {
  decoder.readTaggedFields();
  decoder.readInt32(); // throttle time
  const brokers = decoder.readUVarIntArray((item) => {
    const broker = { nodeId: item.readInt32(), host: item.readUVarIntString() ?? "", port: item.readInt32() };
    item.readUVarIntString();
    item.readTaggedFields();
    return broker;
  });
  decoder.readUVarIntString(); // cluster id
  decoder.readInt32(); // controller
  const [topic] = decoder.readUVarIntArray((item) => {
    const errorCode = item.readInt16();
    item.readUVarIntString();
    const id = Buffer.from(item.readBytes(16)).toString("hex");
    item.readBoolean();
    const partitions = item.readUVarIntArray(decodePartition);
    item.readInt32();
    item.readTaggedFields();
    return { errorCode, id, partitions };
  });
  if (!topic) throw new Error("the broker's answer names no topic");
  const leader = topic.partitions.find(({ index }) => index === 0)?.leader;
  const { errorCode, id, partitions } = topic;
  return { errorCode, id, partitions: partitions.length, leader: brokers.find(({ nodeId }) => nodeId === leader), brokers: brokers.length };
}

function decodePartition(decoder: Decoder): { index: number; leader: number } {
  decoder.readInt16(); // error code: without a leader it says why
  const index = decoder.readInt32();
  const leader = decoder.readInt32();
  decoder.readInt32(); // its epoch
  for (let list = 0; list < 3; list += 1) decoder.readUVarIntArray((item) => item.readInt32());
  decoder.readTaggedFields();
  return { index, leader };
}
