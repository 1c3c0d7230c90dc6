import { expect, test } from "vitest";
import { destinationName, destinationSni } from "../src/services/destination-names.ts";

test("the cluster of a port keeps its empty parts", () => {
  const identity = { mesh: "envoyconfig", displayName: "test-server", namespace: "", zone: "kuma-3" };
  expect(destinationName("MeshService", identity, 80)).toBe("envoyconfig_test-server__kuma-3_msvc_80");
  const everywhere = { mesh: "default", displayName: "example", namespace: "", zone: "" };
  expect(destinationName("MeshExternalService", everywhere, 9090)).toBe("default_example___extsvc_9090");
});

test("the SNI of a port is a DNS name, told apart by a hash where a name is cut", () => {
  expect(destinationSni("MeshService", "backend", "demo", 8080)).toBe("ae10a8071b8a8eeb8.backend.8080.demo.ms");
  const [a, b] = ["a", "b"].map((end) => destinationSni("MeshMultiZoneService", "x".repeat(62) + end, "m", 1));
  expect(a).not.toBe(b);
  expect([a, b].map((sni) => sni!.split(".").slice(1))).toEqual([
    ["x".repeat(62) + "x", "1", "m", "mzms"],
    ["x".repeat(62) + "x", "1", "m", "mzms"],
  ]);
});
