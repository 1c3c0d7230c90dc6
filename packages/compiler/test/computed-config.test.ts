import { MemoryInventory } from "@atoll/inventory";
import { SnapshotCache } from "@atoll/xds";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Compiler, SecretMaterials } from "../src/index.ts";
import { FakeState } from "./fake-state.ts";

const listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener";
const nodeId = "default.web-1";
let config: FakeState;
let compiler: Compiler;
const cache = new SnapshotCache();

const timeout = (labels: object) => ({
  type: "MeshTimeout",
  mesh: "default",
  name: "t",
  labels,
  spec: { targetRef: { kind: "Dataplane" }, rules: [{ default: { http: { requestTimeout: "7s" } } }] },
});

beforeEach(async () => {
  config = new FakeState();
  const zoneResources = new FakeState();
  config.put({ type: "Mesh", name: "default" });
  config.put(timeout({ "kuma.io/effect": "shadow", team: "a" }));
  const tags = { "kuma.io/service": "web", "kuma.io/protocol": "http" };
  const networking = { address: "127.0.0.1", inbound: [{ port: 9000, servicePort: 80, tags }] };
  zoneResources.put({ type: "Dataplane", mesh: "default", name: "web-1", networking });
  const onError = (error: unknown) => {
    throw error;
  };
  const materials = new SecretMaterials({ config, keyRing: {}, now: () => 0, onIssued: () => {}, onChanged: () => {}, onError });
  compiler = new Compiler({ zone: "zone-1", config, zoneResources, inventory: new MemoryInventory(), materials, cache, onError });
  compiler.connect(nodeId, { type: "dataplane", mesh: "default", name: "web-1" });
  await compiler.settled();
});

afterEach(() => compiler.close());

const computed = (shadow: boolean) => compiler.computed(nodeId, { shadow })!;
const inbound = (shadow: boolean) => JSON.stringify(computed(shadow)[listenerType]!["inbound:127.0.0.1:9000"]);

test("what a proxy is told is shown by type and name, in Envoy's JSON", () => {
  const served = cache.get(nodeId)!.resources;
  const shown = Object.entries(computed(false)).map(([type, named]) => [type, Object.keys(named)]);
  expect(shown).toEqual(
    [...served]
      .filter(([, named]) => named.size > 0)
      .map(([type, named]) => [type, [...named.keys()].toSorted()])
      .toSorted(),
  );
  expect(computed(false)[listenerType]!["inbound:127.0.0.1:9000"]).toMatchObject({ trafficDirection: "INBOUND" });
  expect(compiler.computed("default.nobody", { shadow: false })).toBeUndefined();
});

test("a policy that is there to be looked at acts on nobody, but for who looks", async () => {
  expect(inbound(false)).not.toContain('"timeout":"7s"');
  expect(inbound(true)).toContain('"timeout":"7s"');
  const served = cache.get(nodeId);
  expect(inbound(false)).not.toContain('"timeout":"7s"');
  expect(cache.get(nodeId)).toBe(served);
  config.put(timeout({ team: "a" }));
  await compiler.settled();
  expect(inbound(false)).toBe(inbound(true));
  expect(inbound(false)).toContain('"timeout":"7s"');
});
