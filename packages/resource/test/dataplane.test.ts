import { expect, test } from "vitest";
import {
  constraintViolations,
  type DataplaneSpec,
  dataplaneStatus,
  durationMs,
  formatDuration,
  healthyInboundsOf,
  identifyingServiceOf,
  inboundAddressesOf,
  limitsExternalServiceByTags,
  parseGoDuration,
  routableAddressOf,
  tagSetsOf,
  tagValuesOf,
  validateAuthority,
  withComputedLabels,
  withUnprovenInbounds,
  withZoneTag,
} from "../src/index.ts";

const inbound = (service: string, more: object = {}) => ({ port: 80, tags: { "kuma.io/service": service }, ...more });
const sidecar = (...inbounds: ReturnType<typeof inbound>[]): DataplaneSpec => ({ networking: { address: "10.0.0.1", inbound: inbounds } });
const gateway: DataplaneSpec = { networking: { address: "10.0.0.2", gateway: { tags: { "kuma.io/service": "edge" }, type: "BUILTIN" } } };
const online = { subscriptions: [{ connectTime: "2026-01-01T00:00:00Z" }] };

test("a proxy is known by its first service", () => {
  expect(identifyingServiceOf(sidecar(inbound("web"), inbound("admin")))).toBe("admin");
  expect(identifyingServiceOf(gateway)).toBe("edge");
  expect(identifyingServiceOf({ networking: { address: "10.0.0.1" } })).toBe("unknown");
});

test("tag sets are the gateway's or one per inbound", () => {
  expect(tagSetsOf(gateway)).toEqual([{ "kuma.io/service": "edge" }]);
  const spec = sidecar(inbound("web"), inbound("admin"), inbound("off", { state: "Ignored" }));
  expect(tagSetsOf(spec)).toHaveLength(2);
  expect([...tagValuesOf(spec)]).toEqual([["kuma.io/service", ["admin", "web"]]]);
});

test("an inbound is healthy when ready by state and by health", () => {
  const spec = sidecar(
    inbound("a"),
    inbound("b", { health: {} }),
    inbound("c", { health: { ready: true } }),
    inbound("d", { state: "NotReady", health: { ready: true } }),
  );
  expect(healthyInboundsOf(spec).map((one) => one.tags["kuma.io/service"])).toEqual(["a", "c"]);
});

test("others use the advertised address, the application is where the service listens", () => {
  const spec: DataplaneSpec = { networking: { address: "10.0.0.1", advertisedAddress: "1.2.3.4" } };
  expect(routableAddressOf(spec)).toBe("1.2.3.4");
  const addresses = inboundAddressesOf(spec, { port: 80, servicePort: 8080, serviceAddress: "127.0.0.1", address: "10.0.0.9", tags: {} });
  expect(addresses).toEqual({
    listen: { address: "10.0.0.9", port: 80 },
    application: { address: "127.0.0.1", port: 8080 },
    routable: { address: "1.2.3.4", port: 80 },
  });
});

test("status follows connection first, then inbounds", () => {
  const bad = { state: "NotReady" };
  expect(dataplaneStatus(sidecar(inbound("a")), undefined)).toBe("Offline");
  expect(dataplaneStatus(sidecar(inbound("a")), { subscriptions: [{ connectTime: "x", disconnectTime: "y" }] })).toBe("Offline");
  expect(dataplaneStatus(sidecar(inbound("a")), online)).toBe("Online");
  expect(dataplaneStatus(sidecar(inbound("a"), inbound("b", bad)), online)).toBe("Partially degraded");
  expect(dataplaneStatus(sidecar(inbound("b", bad)), online)).toBe("Offline");
  expect(dataplaneStatus(gateway, online)).toBe("Online");
});

test("a dataplane's write adds the zone and distrusts probed inbounds", () => {
  const spec = withUnprovenInbounds(withZoneTag(sidecar(inbound("a", { serviceProbe: { tcp: {} } }), inbound("b")), "east"));
  expect(spec.networking.inbound).toMatchObject([
    { tags: { "kuma.io/service": "a", "kuma.io/zone": "east" }, state: "NotReady", health: {} },
    { tags: { "kuma.io/zone": "east" } },
  ]);
  expect(spec.networking.inbound?.[1]?.state).toBeUndefined();
  expect(withZoneTag(gateway, "east").networking.gateway?.tags["kuma.io/zone"]).toBe("east");
});

test("a mesh's constraints keep dataplanes out", () => {
  const mesh = (constraints: object) => ({ constraints: { dataplaneProxy: constraints } });
  const spec = sidecar(inbound("a"));
  expect(constraintViolations({}, spec)).toEqual([]);
  expect(constraintViolations(mesh({ requirements: [{ tags: { "kuma.io/service": "*" } }] }), spec)).toEqual([]);
  expect(constraintViolations(mesh({ requirements: [{ tags: { team: "*" } }] }), spec)).toMatchObject([
    { field: "networking.inbound[0].tags" },
  ]);
  expect(constraintViolations(mesh({ restrictions: [{ tags: { "kuma.io/service": "a" } }] }), spec)[0]?.reason).toContain("restriction");
});

test("a rate limit on an external service may only name the service", () => {
  const limit = (match: Record<string, string>) => ({ sources: [], destinations: [{ match }], conf: {} });
  expect(limitsExternalServiceByTags(limit({ "kuma.io/service": "*", version: "v1" }), { "kuma.io/service": "es" })).toBe(true);
  expect(limitsExternalServiceByTags(limit({ "kuma.io/service": "other", version: "v1" }), { "kuma.io/service": "es" })).toBe(false);
  expect(limitsExternalServiceByTags(limit({ "kuma.io/service": "es" }), { "kuma.io/service": "es" })).toBe(false);
});

test("the settings of a mesh's authority are checked when it is stored", () => {
  const faults = (type: string, conf?: unknown) =>
    validateAuthority({ name: "ca", type, conf: conf as never }).map(({ field, reason }) => `${field}: ${reason}`);
  expect(faults("builtin")).toEqual([]);
  expect(faults("builtin", { caCert: { expiration: "10y" } })).toEqual([]);
  expect(faults("builtin", { caCert: { expiration: "soon" } })).toEqual(["conf.caCert.expiration: has to be a valid format"]);
  expect(faults("builtin", { caCert: "x" })).toEqual([
    "conf: could not convert backend config: json: cannot unmarshal string into Go value of type map[string]json.RawMessage",
  ]);
  expect(faults("vault")).toEqual(["type: could not find installed plugin for this type"]);
  expect(faults("provided", { cert: { secret: "a" } })).toEqual(["conf.key: has to be defined"]);
  expect(faults("provided", { cert: {}, key: { secret: "a" } })).toEqual(["conf.cert: data source cannot be empty"]);
});

test("labels are computed from the place of the write", () => {
  const draft = { type: "Dataplane", mesh: "default", name: "a", spec: gateway };
  expect(withComputedLabels(draft, { zone: "east" }).labels).toEqual({
    "kuma.io/env": "universal",
    "kuma.io/mesh": "default",
    "kuma.io/origin": "zone",
    "kuma.io/proxy-type": "gateway",
    "kuma.io/zone": "east",
  });
  expect(withComputedLabels({ type: "Timeout", mesh: "m", name: "a", spec: {} }, { global: true }).labels).toEqual({ "kuma.io/mesh": "m" });
  expect(withComputedLabels({ type: "Zone", mesh: "", name: "a", spec: {} }, { global: true }).labels).toBeUndefined();
});

test.each([
  ["5s", 5000],
  ["1m30s", 90_000],
  ["1.5h", 5_400_000],
  ["250us", 0.25],
  ["-1s", -1000],
  ["0", 0],
  [".5s", 500],
])("%s is %d ms", (text, milliseconds) => {
  expect(durationMs(text)).toBe(milliseconds);
});

test.each(["", "5", "s", "5 s", "1h-1s", "five", "1d", "9999999999h"])("%j is no duration", (text) => {
  expect(parseGoDuration(text)).toHaveProperty("error");
  expect(() => durationMs(text)).toThrow(RangeError);
});

test("durations are written with 0, 3, 6 or 9 digits", () => {
  expect([0n, 1_500_000_000n, 1_000n, 1n, -500_000_000n].map(formatDuration)).toEqual([
    "0s",
    "1.500s",
    "0.000001s",
    "0.000000001s",
    "-0.500s",
  ]);
});
