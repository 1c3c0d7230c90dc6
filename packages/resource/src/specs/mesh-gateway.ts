import { bool, enumeration, need, string, uint32, type Value } from "../schema/codec.ts";
import { list, message } from "../schema/message.ts";
import { dataSource, protoName, selectors, tagMap } from "./common.ts";

const listener = message({
  hostname: string,
  port: need(uint32),
  /** NONE is refused by validation. */
  protocol: need(enumeration(protoName("MeshGateway.Listener.Protocol"), ["NONE", "TCP", "TLS", "HTTP", "HTTPS"], [0, 1, 3, 4, 5])),
  tls: message({
    mode: enumeration(protoName("MeshGateway.TLS.Mode"), ["NONE", "TERMINATE", "PASSTHROUGH"]),
    certificates: list(dataSource),
    options: message({}),
  }),
  tags: tagMap,
  crossMesh: bool,
  resources: message({ connectionLimit: uint32 }),
});
export type MeshGatewayListener = Value<typeof listener>;

export const meshGatewaySpec = message({
  selectors: need(selectors),
  tags: tagMap,
  conf: need(message({ listeners: need(list(listener)) })),
});
export type MeshGatewaySpec = Value<typeof meshGatewaySpec>;
