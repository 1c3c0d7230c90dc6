import { beforeEach, expect, test } from "vitest";
import { OnlineProxies } from "../src/index.ts";
import { FakeState } from "./fake-state.ts";

let zone: FakeState;
const names = (type: string) => new OnlineProxies(zone).list(type).map(({ name }) => name);

const dataplane = (name: string, ...services: string[]) =>
  zone.put({
    type: "Dataplane",
    mesh: "default",
    name,
    networking: {
      address: "127.0.0.1",
      inbound: services.map((service, index) => ({ port: 80 + index, tags: { "kuma.io/service": service } })),
    },
  });
const egress = (name: string) => zone.put({ type: "ZoneEgress", name, networking: { address: "127.0.0.1", port: 10001 } });
const insight = (type: string, name: string, online: boolean) =>
  zone.putDrafts({
    type,
    mesh: type === "DataplaneInsight" ? "default" : "",
    name,
    spec: {
      subscriptions: [
        { connectTime: "2026-01-01T00:00:00Z", disconnectTime: "2026-01-01T00:01:00Z" },
        { connectTime: "2026-01-01T00:01:00Z", ...(!online && { disconnectTime: "2026-01-01T00:02:00Z" }) },
      ],
    },
  });

beforeEach(() => {
  zone = new FakeState();
});

test("an instance that is offline leaves where others offer its services", () => {
  for (const name of ["web-1", "web-2"]) dataplane(name, "web");
  insight("DataplaneInsight", "web-1", false);
  insight("DataplaneInsight", "web-2", true);
  expect(names("Dataplane")).toEqual(["web-2"]);
});

test("one that nobody has seen yet stays, and so do those of another service", () => {
  for (const name of ["web-1", "web-2"]) dataplane(name, "web");
  dataplane("api-1", "api");
  insight("DataplaneInsight", "web-1", false);
  expect(names("Dataplane")).toEqual(["api-1", "web-2"]);
});

test("the last instance of a service stays, also when another of its services has others", () => {
  dataplane("one", "web", "api");
  dataplane("two", "web");
  insight("DataplaneInsight", "one", false);
  expect(names("Dataplane")).toEqual(["one", "two"]);
});

test("where more than half are gone, all stay", () => {
  for (const name of ["web-1", "web-2", "web-3"]) dataplane(name, "web");
  insight("DataplaneInsight", "web-1", false);
  expect(names("Dataplane")).toEqual(["web-2", "web-3"]);
  insight("DataplaneInsight", "web-2", false);
  expect(names("Dataplane")).toEqual(["web-1", "web-2", "web-3"]);
});

test("a dead egress leaves, the last one stays", () => {
  for (const name of ["out-1", "out-2"]) egress(name);
  insight("ZoneEgressInsight", "out-1", false);
  expect(names("ZoneEgress")).toEqual(["out-2"]);
  insight("ZoneEgressInsight", "out-2", false);
  expect(names("ZoneEgress")).toEqual(["out-1", "out-2"]);
});

test("other types are as they are", () => {
  zone.put({ type: "ZoneIngress", name: "in-1", networking: { address: "127.0.0.1", port: 10001 } });
  insight("ZoneIngressInsight", "in-1", false);
  expect(names("ZoneIngress")).toEqual(["in-1"]);
});
