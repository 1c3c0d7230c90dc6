import type { Resource } from "@atoll/resource";
import { describe, expect, test } from "vitest";
import { type AvailabilityInput, computeAvailableServices, inventoryKey, renderAvailableServices, ZoneOffers } from "../src/index.ts";

const resource = <Spec>(type: string, mesh: string, name: string, spec: Spec, creationTime = "2026-01-01T00:00:00Z"): Resource<Spec> => ({
  type,
  mesh,
  name,
  spec,
  creationTime,
  modificationTime: creationTime,
  revision: 1,
});
const service = (name: string, more: Record<string, string> = {}) => ({ "kuma.io/service": name, "kuma.io/zone": "east", ...more });
const sidecar = (name: string, inbound: object[], mesh = "default") => resource("Dataplane", mesh, name, { networking: { inbound } });

const compute = (input: Partial<AvailabilityInput>) =>
  renderAvailableServices(
    computeAvailableServices({
      zone: "east",
      meshes: [resource("Mesh", "", "default", {})],
      dataplanes: [],
      externalServices: [],
      meshGateways: [],
      ...input,
    }),
  );

describe("outbounds", () => {
  const caller = resource("Dataplane", "default", "a", {
    networking: {
      outbound: [
        { tags: { "kuma.io/service": "web" } },
        { tags: { "kuma.io/service": "web", version: "2" } },
        { tags: { "kuma.io/service": "shop", "kuma.io/mesh": "other", version: "2" } },
      ],
    },
  });

  test("what they ask for by more than a service is told, and is not offered", () => {
    const entries = computeAvailableServices({
      zone: "east",
      meshes: [resource("Mesh", "", "default", {})],
      dataplanes: [caller],
      externalServices: [],
      meshGateways: [],
    });
    expect(entries).toEqual([
      { zone: "east", mesh: "default", tags: { "kuma.io/service": "web", version: "2" }, instances: 0 },
      { zone: "east", mesh: "other", tags: { "kuma.io/service": "shop", version: "2" }, instances: 0 },
    ]);
    expect(renderAvailableServices(entries)).toEqual([]);
  });

  test("what is there and not ready is told, and who is gone is counted apart", () => {
    const web = { "kuma.io/service": "web", version: "2" };
    const sick = sidecar("b", [
      { tags: web, state: "NotReady" },
      { tags: { "kuma.io/service": "db" }, health: { ready: false } },
    ]);
    const entriesOf = (...dataplanes: ReturnType<typeof sidecar>[]) =>
      computeAvailableServices({
        ...{ zone: "east", meshes: [resource("Mesh", "", "default", {})], externalServices: [], meshGateways: [], dataplanes },
        isGone: ({ name }) => name.startsWith("gone"),
      });
    const entry = { zone: "east", mesh: "default", tags: web };
    const db = { zone: "east", mesh: "default", tags: { "kuma.io/service": "db" }, instances: 0, unready: true };
    expect(entriesOf(sick, sidecar("i", [{ tags: web, state: "Ignored" }]))).toEqual([db, { ...entry, instances: 0, unready: true }]);
    const well = [{ tags: web }];
    expect(entriesOf(sick, sidecar("c", well), sidecar("gone-1", well))).toEqual([db, { ...entry, instances: 2, gone: 1 }]);
    expect(renderAvailableServices(entriesOf(sick))).toEqual([]);
  });

  test("a tag set that is offered, too, is offered", () => {
    const offering = sidecar("b", [{ tags: { "kuma.io/service": "web", version: "2" } }]);
    expect(compute({ dataplanes: [caller, offering] })).toEqual([
      { tags: { "kuma.io/service": "web", version: "2" }, instances: 1, mesh: "default" },
    ]);
  });
});

describe("healthy inbounds", () => {
  test("equal tag sets are counted together, whatever the order of their tags", () => {
    const offered = compute({
      dataplanes: [
        sidecar("a", [{ tags: { "kuma.io/service": "web", version: "1" } }]),
        sidecar("b", [{ tags: { version: "1", "kuma.io/service": "web" } }, { tags: { "kuma.io/service": "admin" } }]),
      ],
    });
    expect(offered).toEqual([
      { tags: { "kuma.io/service": "admin" }, instances: 1, mesh: "default" },
      { tags: { "kuma.io/service": "web", version: "1" }, instances: 2, mesh: "default" },
    ]);
  });

  test("an inbound that is not ready by state or by health does not count", () => {
    const offered = compute({
      dataplanes: [
        sidecar("a", [{ tags: service("web"), health: { ready: true } }]),
        sidecar("b", [{ tags: service("web"), health: { ready: false } }]),
        sidecar("c", [{ tags: service("web"), health: {} }]),
        sidecar("d", [{ tags: service("web"), state: "NotReady" }]),
        sidecar("e", [{ tags: service("web"), state: "Ignored" }]),
        sidecar("f", [{ tags: service("web"), state: "Ready" }]),
      ],
    });
    expect(offered.map(({ instances }) => instances)).toEqual([2]);
  });

  test("meshes come in order; a mesh in mode Exclusive and an unknown mesh offer nothing", () => {
    const offered = compute({
      meshes: [
        resource("Mesh", "", "b", {}),
        resource("Mesh", "", "a", {}),
        resource("Mesh", "", "x", { meshServices: { mode: "Exclusive" } }),
      ],
      dataplanes: ["b", "x", "a", "gone"].map((mesh) => sidecar("dp", [{ tags: service("web") }], mesh)),
    });
    expect(offered.map(({ mesh }) => mesh)).toEqual(["a", "b"]);
  });
});

describe("external services", () => {
  const external = (tags: Record<string, string>) => [resource("ExternalService", "default", "es", { tags })];
  const throughEgress = [resource("Mesh", "", "default", { routing: { zoneEgress: true } })];

  test("those tagged with this zone are offered where the mesh routes through egresses", () => {
    expect(compute({ meshes: throughEgress, externalServices: external(service("github")) })).toEqual([
      { tags: service("github"), instances: 1, mesh: "default", externalService: true },
    ]);
  });

  test("not those of another zone, of no zone, or of a mesh without egress", () => {
    expect(compute({ meshes: throughEgress, externalServices: external(service("github", { "kuma.io/zone": "west" })) })).toEqual([]);
    expect(compute({ meshes: throughEgress, externalServices: external({ "kuma.io/service": "github" }) })).toEqual([]);
    expect(compute({ externalServices: external(service("github")) })).toEqual([]);
  });
});

describe("cross-mesh listeners", () => {
  const builtin = (name: string) =>
    resource("Dataplane", "default", name, { networking: { gateway: { type: "BUILTIN", tags: service("edge") } } });
  const gateway = (name: string, match: Record<string, string>, crossMesh: boolean, created = "2026-01-01T00:00:00Z") =>
    resource(
      "MeshGateway",
      "default",
      name,
      {
        selectors: [{ match }],
        tags: { gateway: name },
        conf: { listeners: [{ crossMesh, tags: { port: "8080" } }, { crossMesh: false }] },
      },
      created,
    );

  test("one entry per listener with the tags of proxy, gateway and listener", () => {
    expect(
      compute({ dataplanes: [builtin("a"), builtin("b")], meshGateways: [gateway("gw", { "kuma.io/service": "edge" }, true)] }),
    ).toEqual([{ tags: service("edge", { "kuma.io/mesh": "default", gateway: "gw", port: "8080" }), instances: 2, mesh: "default" }]);
  });

  test("the gateway with the most specific selector serves, and of equals the newest", () => {
    const zoned = { "kuma.io/service": "edge", "kuma.io/zone": "east" };
    const offered = (...meshGateways: ReturnType<typeof gateway>[]) =>
      compute({ dataplanes: [builtin("a")], meshGateways }).map(({ tags }) => tags["gateway"]);
    expect(offered(gateway("wide", { "kuma.io/service": "edge" }, true), gateway("zoned", zoned, false))).toEqual([]);
    expect(offered(gateway("star", { "kuma.io/service": "*" }, true), gateway("exact", { "kuma.io/service": "edge" }, true))).toEqual([
      "exact",
    ]);
    expect(offered(gateway("a-old", zoned, true), gateway("b-new", zoned, true, "2026-02-01T00:00:00Z"))).toEqual(["b-new"]);
    expect(offered(gateway("other", { "kuma.io/service": "another" }, true))).toEqual([]);
  });

  test("the list is inbounds, then external services, then cross-mesh listeners", () => {
    const offered = compute({
      meshes: [resource("Mesh", "", "default", { routing: { zoneEgress: true } })],
      dataplanes: [builtin("gw"), sidecar("dp", [{ tags: service("zzz") }])],
      externalServices: [resource("ExternalService", "default", "es", { tags: service("aaa") })],
      meshGateways: [gateway("gw", {}, true)],
    });
    expect(offered.map(({ tags }) => tags["kuma.io/service"])).toEqual(["zzz", "aaa", "edge"]);
  });
});

test("after any changes of Dataplanes the offers are what is computed of them anew, and a change names the entries that it concerns", () => {
  const meshes = [resource("Mesh", "", "default", {})];
  const input = (dataplanes: ReturnType<typeof sidecar>[]): AvailabilityInput => ({
    ...{ zone: "east", meshes, dataplanes, externalServices: [], meshGateways: [crossMesh] },
    isGone: ({ name }) => gone.has(name),
  });
  const crossMesh = resource("MeshGateway", "default", "gw", { selectors: [{ match: {} }], conf: { listeners: [{ crossMesh: true }] } });
  const edge = (name: string) =>
    resource("Dataplane", "default", name, { networking: { inbound: [], gateway: { type: "BUILTIN", tags: service("edge") } } });
  const gone = new Set<string>();
  const present = new Map<string, ReturnType<typeof sidecar>>();
  const offers = new ZoneOffers(input([]));
  let seed = 1;
  const pick = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let turn = 0; turn < 500; turn++) {
    const name = `dp-${pick(12)}`;
    const before = new Map([...offers.keys()].map((key) => [key, offers.entry(key)]));
    if (pick(4) === 0) present.delete(name);
    else if (pick(5) === 0) present.set(name, edge(name));
    else {
      const inbound = (state: string) => ({ tags: service(`svc-${pick(3)}`, { version: `${pick(2)}` }), state });
      present.set(name, sidecar(name, [inbound("Ready"), inbound(["Ready", "NotReady", "Ignored"][pick(3)]!)]));
    }
    if (pick(2) === 0) gone.add(name);
    else gone.delete(name);
    const changed = offers.setDataplane("default", name, present.get(name), gone.has(name));
    const now = new Map([...offers.keys()].map((key) => [key, offers.entry(key)]));
    const expected = computeAvailableServices(input([...present.values()]));
    expect(new Map(expected.map((entry) => [inventoryKey(entry), entry]))).toEqual(now);
    for (const key of new Set([...before.keys(), ...now.keys()])) {
      if (!changed.has(key)) expect(now.get(key)).toEqual(before.get(key));
    }
  }
});
