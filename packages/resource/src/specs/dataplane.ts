import { bool, duration, enumeration, kept, need, string, uint32, type Value } from "../schema/codec.ts";
import { list, map, message } from "../schema/message.ts";
import { protoName, tagMap } from "./common.ts";
import { metricsBackend } from "./mesh.ts";

export const adminSpec = message({ port: uint32 });

const inbound = message({
  port: need(uint32),
  servicePort: uint32,
  serviceAddress: string,
  address: string,
  tags: need(tagMap),
  health: message({ ready: bool }),
  serviceProbe: message({
    interval: duration,
    timeout: duration,
    unhealthyThreshold: kept(uint32),
    healthyThreshold: kept(uint32),
    tcp: message({}),
  }),
  /** Absent = Ready. */
  state: enumeration(protoName("Dataplane.Networking.Inbound.State"), ["Ready", "NotReady", "Ignored"]),
  name: string,
});
export type DataplaneInbound = Value<typeof inbound>;

const backendRef = message({ kind: need(string), name: string, port: uint32, labels: map(string) });

const outbound = message({ address: string, port: need(uint32), tags: tagMap, backendRef });
export type DataplaneOutbound = Value<typeof outbound>;

const gateway = message({
  tags: need(tagMap),
  /** Absent = DELEGATED. */
  type: enumeration(protoName("Dataplane.Networking.Gateway.GatewayType"), ["DELEGATED", "BUILTIN"]),
});
export type DataplaneGateway = Value<typeof gateway>;

const reachableBackendRef = message({ kind: need(string), name: string, namespace: string, port: kept(uint32), labels: map(string) });

const transparentProxying = message({
  redirectPortInbound: uint32,
  redirectPortOutbound: uint32,
  directAccessServices: list(string),
  reachableServices: list(string),
  ipFamilyMode: enumeration(protoName("Dataplane.Networking.TransparentProxying.IpFamilyMode"), [
    "UnSpecified",
    "DualStack",
    "IPv4",
    "IPv6",
  ]),
  reachableBackends: message({ refs: list(reachableBackendRef) }),
});

export const dataplaneSpec = message({
  networking: need(
    message({
      address: need(string),
      advertisedAddress: string,
      inbound: list(inbound),
      outbound: list(outbound),
      gateway,
      transparentProxying,
      admin: adminSpec,
    }),
  ),
  metrics: metricsBackend,
  probes: message({ port: uint32, endpoints: list(message({ inboundPort: uint32, inboundPath: string, path: string })) }),
});
export type DataplaneSpec = Value<typeof dataplaneSpec>;
