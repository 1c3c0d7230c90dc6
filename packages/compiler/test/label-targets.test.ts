import { MemoryInventory } from "@atoll/inventory";
import { SnapshotCache } from "@atoll/xds";
import { expect, test } from "vitest";
import { Compiler, SecretMaterials } from "../src/index.ts";
import { FakeState } from "./fake-state.ts";

const policy = (type: string, name: string, targetRef: object, rest: object) => ({
  ...{ type, mesh: "default", name },
  spec: { targetRef, to: [{ targetRef: { kind: "MeshService", name: "web" }, ...rest }] },
});
const labelled = { kind: "Dataplane", labels: { app: "client" } };

test("a policy for Dataplanes by labels acts on what they call, also where the mesh had no policy of the kind before", async () => {
  const config = new FakeState();
  const zoneResources = new FakeState();
  const cache = new SnapshotCache();
  config.put({ type: "Mesh", name: "default" });
  const dataplane = (name: string, port: number, app: string) => ({
    ...{ type: "Dataplane", mesh: "default", name, labels: { app } },
    networking: {
      address: "127.0.0.1",
      inbound: [{ port, tags: { "kuma.io/service": name, "kuma.io/protocol": "http" } }],
      outbound: [{ port: 1000, tags: { "kuma.io/service": "web" } }],
    },
  });
  zoneResources.put(dataplane("web", 9000, "web"), dataplane("client", 9001, "client"), dataplane("other", 9002, "other"));
  const onError = (error: unknown) => {
    throw error;
  };
  const materials = new SecretMaterials({ config, keyRing: {}, now: () => 0, onIssued: () => {}, onChanged: () => {}, onError });
  const compiler = new Compiler({ zone: "zone-1", config, zoneResources, inventory: new MemoryInventory(), materials, cache, onError });
  for (const name of ["web", "client", "other"]) compiler.connect(`default.${name}`, { type: "dataplane", mesh: "default", name });
  const outbound = async (name: string) => {
    await compiler.settled();
    const parts = [...cache.get(`default.${name}`)!.resources.values()].flatMap((named) => [...named.values()]);
    return parts.map(({ bytes }) => Buffer.from(bytes).toString("latin1")).join("");
  };
  const header = (value: string) => ({
    rules: [
      {
        matches: [{ path: { type: "PathPrefix", value: "/" } }],
        default: { filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name: "x-by", value }] } }] },
      },
    ],
  });
  await outbound("client");
  config.put(policy("MeshHTTPRoute", "all", { kind: "Mesh" }, header("everybody")));
  expect(await outbound("client")).toContain("everybody");
  config.put(policy("MeshHTTPRoute", "some", labelled, header("labelled")));
  expect(await outbound("client")).toContain("labelled");
  expect(await outbound("other")).not.toContain("labelled");
  config.put(policy("MeshTimeout", "some", labelled, { default: { connectionTimeout: "77s" } }));
  const [before, other] = [await outbound("client"), await outbound("other")];
  expect(before).not.toEqual(other);
  config.delete("MeshHTTPRoute", "default", "some");
  config.delete("MeshTimeout", "default", "some");
  expect(await outbound("client")).not.toContain("labelled");
  compiler.close();
});
