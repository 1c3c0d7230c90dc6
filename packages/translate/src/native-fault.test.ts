import { expect, test } from "vitest";
import { nativeFault, type NativeTarget } from "./native-fault.ts";

const typed = (type: string, rest: object = {}) => ({ "@type": `type.googleapis.com/${type}`, ...rest });
const notAnObject = (kind: string) => `json: cannot unmarshal ${kind} into Go value of type map[string]json.RawMessage`;

/** Each with what clients of 2.10 are told. */
const cases: [target: NativeTarget, value: unknown, fault: string | undefined][] = [
  ["cluster", { name: "c", connectTimeout: "1m30s", lb_policy: "RANDOM" }, undefined],
  ["cluster", { connectTimeout: "1s" }, "invalid Cluster.Name: value length must be at least 1 runes"],
  ["cluster", { name: "c", fieldOfTheFuture: 1 }, undefined],
  ["cluster", { name: "c", lbPolicy: "MOON" }, 'unknown value "\\"MOON\\"" for enum envoy.config.cluster.v3.Cluster.LbPolicy'],
  ["cluster", [1], notAnObject("array")],
  ["cluster", "hello", notAnObject("string")],
  ["cluster", { name: "c", connectTimeout: "soon" }, 'bad Duration: time: invalid duration "soon"'],
  ["cluster", { name: "c", connectTimeout: "0s" }, "invalid Cluster.ConnectTimeout: value must be greater than 0s"],
  ["cluster", { name: 5 }, "json: cannot unmarshal number into Go value of type string"],
  [
    "cluster",
    { name: "c", circuitBreakers: { thresholds: [{ maxConnections: -1 }] } },
    "json: cannot unmarshal number -1 into Go value of type uint32",
  ],
  ["httpFilter", { name: "x", typedConfig: typed("envoy.nope.X") }, "could not resolve Any message type: type.googleapis.com/envoy.nope.X"],
  ["httpFilter", { name: "x", typedConfig: typed("envoy.extensions.filters.http.router.v3.Router", { more: 1 }) }, undefined],
  ["networkFilter", { typedConfig: typed("google.protobuf.Empty") }, "invalid Filter.Name: value length must be at least 1 runes"],
  ["virtualHost", { name: "x" }, "invalid VirtualHost.Domains: value must contain at least 1 item(s)"],
  [
    "listener",
    { address: { socketAddress: { address: "a", portValue: 99_999 } } },
    "invalid Listener.Address: embedded message failed validation | caused by: invalid Address.SocketAddress: embedded message failed " +
      "validation | caused by: invalid SocketAddress.PortValue: value must be less than or equal to 65535",
  ],
  ["resource", {}, "Any JSON doesn't have '@type'"],
  ["resource", typed("envoy.config.cluster.v3.Cluster"), "invalid Cluster.Name: value length must be at least 1 runes"],
  ["resource", typed("envoy.config.core.v3.Address"), "invalid Address.Address: value is required"],
  ["resource", typed("envoy.config.cluster.v3.Cluster", { name: "c", connectTimeout: "2m" }), undefined],
];

test.each(cases)("%s %j", (target, value, fault) => {
  expect(nativeFault(target, value, false)).toBe(fault);
});

test("a patch need not be whole, but what it has is of its type", () => {
  expect(nativeFault("cluster", { connectTimeout: "1s" }, true)).toBeUndefined();
  expect(nativeFault("cluster", { connectTimeout: "soon" }, true)).toContain("bad Duration");
});
