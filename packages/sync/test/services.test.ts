import { topics } from "@atoll/event-log";
import { serviceRecordType, type MeshServiceSpec, type ServiceRecordSpec, type WithStatus } from "@atoll/resource";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ManualTime } from "./manual-time.ts";
import { Stack, type Zone, until } from "./stack.ts";

let stack: Stack;
beforeEach(async () => {
  stack = await Stack.open();
  await stack.submit([
    { op: "put", resource: { type: "Mesh", mesh: "", name: "default", spec: { meshServices: { mode: "Everywhere" } } } },
    { op: "put", resource: { type: "Zone", mesh: "", name: "east", spec: {} } },
    { op: "put", resource: { type: "Zone", mesh: "", name: "west", spec: {} } },
    {
      op: "put",
      resource: {
        ...{ type: "HostnameGenerator", mesh: "", name: "synced" },
        spec: {
          selector: { meshService: { matchLabels: { "kuma.io/origin": "global" } } },
          template: "{{ .DisplayName }}.{{ .Zone }}.test",
        },
      },
    },
  ]);
});
afterEach(() => stack.close());

const dataplane = (name: string, ...services: string[]) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  spec: { networking: { address: "10.0.0.1", inbound: services.map((service) => ({ port: 80, tags: { "kuma.io/service": service } })) } },
});

/** Address and names of each service, or only the address of one that is gone. */
function given(zone: Zone): Record<string, string> {
  return Object.fromEntries(
    zone.resources.list<ServiceRecordSpec>(serviceRecordType, "default").map(({ name, spec: { vip, service } }) => {
      return [name, [vip, ...(service?.addresses ?? []).map(({ hostname }) => hostname)].join(" ")];
    }),
  );
}
const services = (zone: Zone, expected: Record<string, string>) => until(() => expect(given(zone)).toEqual(expected));
const meshServices = (zone: Zone) => zone.resources.list<WithStatus<MeshServiceSpec>>("MeshService", "default");

test("a zone that is a cluster begins without the generator of names for its own MeshServices, which have one by its DNS", async () => {
  const cidrs = { MeshService: "241.0.0.0/8", MeshExternalService: "242.0.0.0/8", MeshMultiZoneService: "243.0.0.0/8" };
  const settings = { cidrs, deletionGracePeriodMs: 1_000, defaultHostnameGenerators: true };
  const [cluster, machines] = await Promise.all([
    stack.zone("east", { services: { ...settings, environment: "kubernetes" } }),
    stack.zone("west", { services: { ...settings, environment: "universal" } }),
  ]);
  const generators = (zone: Zone) => zone.resources.list("HostnameGenerator").map(({ name }) => name);
  await until(() => expect(generators(machines)).toEqual(["local-mesh-external-service", "local-universal-mesh-service"]));
  await cluster.resources.put(dataplane("dp-1", "web"));
  await services(cluster, { "MeshService:web": "241.0.0.0" });
  expect(generators(cluster)).toEqual(["local-mesh-external-service"]);
});

describe("services of a zone", () => {
  test("have an address and a name that stay, also through a restart, and a service that is gone keeps its own", async () => {
    const east = await stack.zone("east");
    await east.resources.put(dataplane("dp-1", "web", "orders"));
    const both = { "MeshService:orders": "241.0.0.0 orders.svc.mesh.local", "MeshService:web": "241.0.0.1 web.svc.mesh.local" };
    await services(east, both);
    await stack.put("Mesh", "", "default", { meshServices: { mode: "Disabled" } });
    await services(east, { "MeshService:orders": "241.0.0.0", "MeshService:web": "241.0.0.1" });
    expect(meshServices(east)).toEqual([]);
    await stack.put("Mesh", "", "default", { meshServices: { mode: "Exclusive" } });
    await services(east, both);
    await east.resources.put(dataplane("dp-2", "admin"));
    await services(east, { ...both, "MeshService:admin": "241.0.0.2 admin.svc.mesh.local" });
    await east.stop();
    const head = await east.log.head(topics.zone("east"));
    const again = await stack.zone("east", { log: east.log, isCut: true, restoreTimeoutMs: 50 });
    await again.sync.settled();
    expect(given(again)).toEqual({ ...both, "MeshService:admin": "241.0.0.2 admin.svc.mesh.local" });
    expect(await again.log.head(topics.zone("east"))).toBe(head);
  });

  test("are those of other zones too, with addresses and names of this zone's own", async () => {
    const west = await stack.zone("west");
    await west.resources.put(dataplane("dp-2", "orders"));
    const east = await stack.zone("east");
    await services(east, { "MeshService:orders-fdc86444dv457vzd": "241.0.0.0 orders.west.test" });
    const [record] = east.resources.list<ServiceRecordSpec>(serviceRecordType, "default");
    expect(record!.spec.service?.remote).toMatchObject({
      zone: "west",
      labels: { "kuma.io/origin": "global", "kuma.io/zone": "west", "kuma.io/display-name": "orders" },
      spec: { state: "Available", identities: [{ type: "ServiceTag", value: "orders" }], ports: [{ port: 80 }] },
    });
    // An address in the one zone says nothing of the other.
    await services(west, { "MeshService:orders": "241.0.0.0 orders.svc.mesh.local" });
    await west.resources.delete({ type: "Dataplane", mesh: "default", name: "dp-2" });
    await until(() => {
      const [one] = east.resources.list<ServiceRecordSpec>(serviceRecordType, "default");
      expect(one!.spec.service?.remote?.spec.state).toBe("Unavailable");
    });
  });

  test("outlive their last Dataplane by the grace period", async () => {
    const time = new ManualTime();
    const east = await stack.zone("east", { clock: time.clock, schedule: time.schedule });
    await east.resources.put(dataplane("dp-1", "web"));
    await until(() => expect(meshServices(east)).toHaveLength(1));
    await east.resources.delete({ type: "Dataplane", mesh: "default", name: "dp-1" });
    const label = "kuma.io/deletion-grace-period-started-at";
    await until(() => expect(meshServices(east)[0]!.labels?.[label]).toBeDefined());
    time.advance(3_599_000);
    await east.sync.settled();
    expect(meshServices(east)).toHaveLength(1);
    time.advance(1_000);
    await until(() => expect(meshServices(east)).toEqual([]));
  });

  test("end with their mesh", async () => {
    const east = await stack.zone("east");
    await stack.put("Mesh", "", "shop", { meshServices: { mode: "Everywhere" } });
    await east.resources.put({ ...dataplane("dp-1", "web"), mesh: "shop" });
    await until(() => expect(east.resources.list(serviceRecordType, "shop")).toHaveLength(1));
    await stack.submit([{ op: "delete", key: { type: "Mesh", mesh: "", name: "shop" } }]);
    await until(() => {
      expect(east.resources.list(serviceRecordType, "shop")).toEqual([]);
      expect(east.resources.list("MeshService", "shop")).toEqual([]);
    });
  });
});
