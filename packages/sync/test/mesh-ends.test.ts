import { isOfPresentMesh } from "@atoll/replica";
import { meshLifeType, type ResourceKey } from "@atoll/resource";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Stack, type Zone, until } from "./stack.ts";

let stack: Stack;
let hour = 0;
const mesh = { type: "Mesh", mesh: "", name: "m" };
const submit = (changes: Parameters<Stack["submit"]>[0]) =>
  stack.config.submit({
    id: `at-${++hour}`,
    at: `2026-01-01T${String(hour).padStart(2, "0")}:00:00Z`,
    author: "test",
    changes,
    expect: [],
  });
const make = () => submit([{ op: "put", resource: { ...mesh, spec: {} } }]);
const end = () => submit([{ op: "delete", key: mesh }]);

beforeEach(async () => {
  hour = 0;
  stack = await Stack.open();
  await submit([{ op: "put", resource: { type: "Zone", mesh: "", name: "east", spec: {} } }]);
  await make();
});
afterEach(() => stack.close());

/** Of every kind that a zone has, and some that it may have. */
const types = ["MeshTimeout", "Secret", "MeshService", "Timeout", "Dataplane", "Anything"];
const fill = async ({ resources }: Zone) => {
  for (const type of types) await resources.put({ type, mesh: "m", name: "a", spec: { made: type, networking: { address: "10.1.0.1" } } });
  await resources.put({ type: "ZoneIngress", mesh: "", name: "ingress", spec: {} });
};
const held = ({ resources }: Zone) =>
  [...resources.all()]
    .filter(({ mesh: of }: ResourceKey) => of === "m")
    .map(({ type }) => type)
    .toSorted();
const follows = (zone: Zone) => until(() => expect(zone.config.revision).toBe(stack.config.revision));
const ready = async (ended: unknown[] = [], more = {}) => {
  const zone = await stack.zone("east", { ...more, onMeshEnded: (...event) => ended.push(event) });
  await follows(zone);
  await until(() => expect(zone.resources.get(meshLifeType, "", "m")).toBeDefined());
  return zone;
};

test("what a zone has in a mesh ends with it, and is not in the next one of its name", async () => {
  const ended: unknown[] = [];
  const east = await ready(ended);
  await fill(east);
  expect(held(east)).toEqual(types.toSorted());
  await end();
  await until(() => expect(held(east)).toEqual([]));
  expect(ended).toEqual([["m", types.length]]);
  await make();
  await follows(east);
  expect(held(east)).toEqual([]);
  expect(east.resources.get("ZoneIngress", "", "ingress")).toBeDefined();
  await until(() => expect(east.resources.get(meshLifeType, "", "m")).toBeDefined());
  await fill(east);
  await submit([{ op: "put", resource: { ...mesh, spec: { another: "value" } } }]);
  await follows(east);
  expect(held(east)).toEqual(types.toSorted());
});

test("also if the mesh ended, and another one came to be, while the zone was away; global knows it before", async () => {
  const east = await ready();
  await fill(east);
  east.wire.cut();
  await end();
  expect(isOfPresentMesh("m", stack.config, east.resources)).toBe(false);
  await make();
  expect(isOfPresentMesh("m", stack.config, east.resources)).toBe(false);
  expect(isOfPresentMesh("", stack.config, east.resources)).toBe(true);
  expect(held(east)).toEqual(types.toSorted());
  east.wire.mend();
  await follows(east);
  await until(() => expect(held(east)).toEqual([]));
  await until(() => expect(isOfPresentMesh("m", stack.config, east.resources)).toBe(true));
});

test("also if the zone was not running then", async () => {
  const first = await ready();
  await fill(first);
  await first.stop();
  await end();
  await make();
  const again = await ready([], { log: first.log });
  await until(() => expect(held(again)).toEqual([]));
});

test("a zone that takes its records back on a new disk ends nothing while its configuration is on its way", async () => {
  const first = await ready();
  await fill(first);
  await until(async () => expect((await stack.global.describe("atoll.zone.east")).head).toBe(await first.log.head("atoll.zone.east")));
  await first.crash();
  const ended: unknown[] = [];
  const again = await ready(ended);
  expect(held(again)).toEqual(types.toSorted());
  expect(ended).toEqual([]);
});

test("what is left of a time when nothing was noted ends with the first look at a whole configuration", async () => {
  await end();
  const east = await stack.zone("east");
  await follows(east);
  await fill(east);
  expect(held(east)).toEqual(types.toSorted());
  await submit([{ op: "put", resource: { type: "Mesh", mesh: "", name: "other", spec: {} } }]);
  await until(() => expect(held(east)).toEqual(["Dataplane"]));
});
