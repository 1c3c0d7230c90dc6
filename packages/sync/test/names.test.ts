import { topics } from "@atoll/event-log";
import type { VirtualIpSpec } from "@atoll/resource";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Stack, type Zone, until } from "./stack.ts";

let stack: Stack;
beforeEach(async () => {
  stack = await Stack.ofTwoZones();
});
afterEach(() => stack.close());

const dataplane = (name: string, ...services: string[]) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  spec: { networking: { address: "10.0.0.1", inbound: services.map((service) => ({ port: 80, tags: { "kuma.io/service": service } })) } },
});
const ingress = {
  type: "ZoneIngress",
  mesh: "",
  name: "ingress",
  spec: { networking: { address: "10.0.0.9", port: 10_001, advertisedAddress: "10.0.0.9", advertisedPort: 10_001 } },
};

/** Names in use and their addresses. */
function addressesOf(zone: Zone, mesh = "default"): Record<string, string> {
  const records = zone.resources.list<VirtualIpSpec>("VirtualIp", mesh).filter(({ spec }) => spec.outbounds.length > 0);
  return Object.fromEntries(records.map(({ name, spec }) => [name, spec.address]));
}
const names = (zone: Zone, expected: Record<string, string>) => until(() => expect(addressesOf(zone)).toEqual(expected));

describe("names of a zone", () => {
  test("have an address that stays when others come and go, and when they come back", async () => {
    const east = await stack.zone("east");
    await east.resources.put(dataplane("dp-1", "web", "orders"));
    await names(east, { "service:orders": "240.0.0.0", "service:web": "240.0.0.1" });
    await east.resources.put(dataplane("dp-2", "admin"));
    await names(east, { "service:admin": "240.0.0.2", "service:orders": "240.0.0.0", "service:web": "240.0.0.1" });
    await east.resources.delete({ type: "Dataplane", mesh: "default", name: "dp-1" });
    await names(east, { "service:admin": "240.0.0.2" });
    await east.resources.put(dataplane("dp-3", "billing", "web"));
    await names(east, { "service:admin": "240.0.0.2", "service:billing": "240.0.0.3", "service:web": "240.0.0.1" });
  });

  test("are not written again when nothing changes, nor by a restart, and are the same after it", async () => {
    const east = await stack.zone("east");
    await east.resources.put(dataplane("dp-1", "web"));
    await names(east, { "service:web": "240.0.0.0" });
    await stack.put("Timeout", "default", "t", {});
    await east.stop();
    const head = await east.log.head(topics.zone("east"));
    const again = await stack.zone("east", { log: east.log, isCut: true, restoreTimeoutMs: 50 });
    await again.sync.settled();
    expect(addressesOf(again)).toEqual({ "service:web": "240.0.0.0" });
    expect(await again.log.head(topics.zone("east"))).toBe(head);
  });

  test("are taken back with the zone's other records when its disk was lost", async () => {
    const west = await stack.zone("west");
    await west.resources.put(dataplane("dp-2", "orders"));
    await west.resources.put(ingress);
    const east = await stack.zone("east");
    await east.resources.put(dataplane("dp-1", "web"));
    await names(east, { "service:orders": "240.0.0.0", "service:web": "240.0.0.1" });
    await east.stop();
    const again = await stack.zone("east");
    await again.sync.inventoriesMirrored();
    await again.sync.settled();
    expect(addressesOf(again)).toEqual({ "service:orders": "240.0.0.0", "service:web": "240.0.0.1" });
    const records = again.resources.list<VirtualIpSpec>("VirtualIp");
    expect(records.map(({ creationTime }) => creationTime)).toEqual(
      east.resources.list<VirtualIpSpec>("VirtualIp").map(({ creationTime }) => creationTime),
    );
  });

  test("are those of other zones' services too, whether these are ready and have an ingress or not", async () => {
    const west = await stack.zone("west");
    const orders = dataplane("dp-2", "orders");
    await west.resources.put(orders);
    const east = await stack.zone("east");
    await east.resources.put(dataplane("dp-1", "web"));
    const both = { "service:orders": "240.0.0.0", "service:web": "240.0.0.1" };
    await names(east, both);
    const { networking } = orders.spec;
    const sick = {
      ...orders,
      spec: { networking: { ...networking, inbound: networking.inbound.map((one) => ({ ...one, state: "NotReady" })) } },
    };
    await west.resources.put(sick);
    await west.resources.put(dataplane("dp-3", "billing"));
    await names(east, { ...both, "service:billing": "240.0.0.2" });
    await west.resources.delete({ type: "Dataplane", mesh: "default", name: "dp-2" });
    await names(east, { "service:billing": "240.0.0.2", "service:web": "240.0.0.1" });
  });

  test("what services speak is remembered when nobody has them any more, here or in a zone that is deleted", async () => {
    const speaking = (name: string, service: string, protocol: string) => ({
      ...{ type: "Dataplane", mesh: "default", name },
      spec: {
        networking: { address: "10.0.0.1", inbound: [{ port: 80, tags: { "kuma.io/service": service, "kuma.io/protocol": protocol } }] },
      },
    });
    const east = await stack.zone("east");
    const west = await stack.zone("west");
    const protocols = (expected: object) =>
      until(() =>
        expect(Object.fromEntries(east.resources.list("ServiceProtocol", "default").map(({ name, spec }) => [name, spec]))).toEqual(
          expected,
        ),
      );
    await east.resources.put(speaking("dp-1", "web", "http"));
    await west.resources.put(speaking("dp-2", "orders", "grpc"));
    await east.resources.put(dataplane("dp-3", "silent"));
    await protocols({ web: { protocol: "http" }, orders: { protocol: "grpc" } });
    await east.resources.delete({ type: "Dataplane", mesh: "default", name: "dp-1" });
    await protocols({ web: { protocol: "http", unused: true }, orders: { protocol: "grpc" } });
    await stack.submit([{ op: "delete", key: { type: "Zone", mesh: "", name: "west" } }]);
    await protocols({ web: { protocol: "http", unused: true }, orders: { protocol: "grpc", unused: true } });
    await east.resources.put(speaking("dp-1", "web", "tcp"));
    await protocols({ web: { protocol: "tcp" }, orders: { protocol: "grpc", unused: true } });
  });

  test("end with their mesh", async () => {
    const east = await stack.zone("east");
    await stack.put("Mesh", "", "shop");
    await east.resources.put({ ...dataplane("dp-1", "web"), mesh: "shop" });
    await until(() => expect(addressesOf(east, "shop")).toEqual({ "service:web": "240.0.0.0" }));
    await stack.submit([{ op: "delete", key: { type: "Mesh", mesh: "", name: "shop" } }]);
    await until(() => expect(east.resources.list("VirtualIp")).toEqual([]));
  });

  test("that two ask for are told once", async () => {
    const conflicts: unknown[] = [];
    const east = await stack.zone("east", { onNameConflict: (mesh, { name, port }) => conflicts.push([mesh, name, port]) });
    const external = (name: string) => ({
      op: "put" as const,
      resource: {
        ...{ type: "ExternalService", mesh: "default", name },
        spec: { tags: { "kuma.io/service": name }, networking: { address: "api.example:443" } },
      },
    });
    await stack.submit([external("one"), external("two")]);
    const expected = { "host:api.example": "240.0.0.2", "service:one": "240.0.0.0", "service:two": "240.0.0.1" };
    await names(east, expected);
    await east.resources.put(dataplane("dp-1", "web"));
    await names(east, { ...expected, "service:web": "240.0.0.3" });
    expect(conflicts).toEqual([["default", "api.example", 443]]);
  });
});
