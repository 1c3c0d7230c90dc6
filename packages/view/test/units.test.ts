import { describe, expect, test } from "vitest";
import { compareExactness, servesHost } from "../src/gateway/hostname.ts";
import { destinationClusterName, inboundListenerName, sniFromTags, statName } from "../src/names.ts";
import { commonProtocol, parseProtocol } from "../src/protocol.ts";
import type { Protocol } from "../src/protocol.ts";

describe("names", () => {
  test("a gateway's cluster, as verified against Kuma", () => {
    const destination = { "kuma.io/service": "echo-service" };
    const listener = { "kuma.io/service": "gateway-default", port: "http/8080" };
    expect(destinationClusterName(destination, listener)).toBe("echo-service-9f149ed9e14091ca");
    expect(destinationClusterName(destination)).toBe("echo-service");
  });

  test("SNI: keys sorted, the mesh among them, the service outside", () => {
    expect(sniFromTags({ "kuma.io/service": "backend" }, "default")).toBe("backend{mesh=default}");
    expect(sniFromTags({ version: "v1", "kuma.io/service": "backend", env: "a" }, "default")).toBe(
      "backend{env=a,mesh=default,version=v1}",
    );
  });

  test("IPv6 in brackets, and only in names", () => {
    expect(inboundListenerName("::1", 80)).toBe("inbound:[::1]:80");
    expect(statName("inbound:[::1]:80")).toBe("inbound____1__80");
  });
});

test.each<[Protocol[], Protocol]>([
  [["http", "http"], "http"],
  [["grpc", "http2"], "http2"],
  [["grpc", "tcp"], "tcp"],
  [["http", "http2"], "tcp"],
  [["kafka", "http"], "tcp"],
  [["http", "unknown"], "unknown"],
  [[], "unknown"],
])("common protocol of %j is %s", (protocols, expected) => expect(commonProtocol(protocols)).toBe(expected));

test("protocols are read in any case", () => expect([parseProtocol("HTTP2"), parseProtocol("soap")]).toEqual(["http2", "unknown"]));

test.each<[string[], string, boolean]>([
  [[], "foo.example.com", true],
  [["foo.example.com"], "foo.example.com", true],
  [["bar.example.com"], "foo.example.com", false],
  [["*.example.com"], "foo.example.com", true],
  [["foo.example.com"], "*.example.com", true],
  [["*.com"], "a.b.com", true],
  [["*.example.com"], "example.com", false],
  // As in Kuma, though one would not expect it.
  [["foo.com"], "foo.x.com", true],
])("a route for %j on the host %s: %s", (hostnames, host, expected) => expect(servesHost(hostnames, host)).toBe(expected));

test("chains are ordered exact, longer wildcard, any", () => {
  const hosts = ["*", "*.com", "b.com", "*.example.com", "a.com"];
  expect(hosts.sort(compareExactness)).toEqual(["a.com", "b.com", "*.example.com", "*.com", "*"]);
});
