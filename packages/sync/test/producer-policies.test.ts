import { type KeyString } from "@atoll/resource";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ProducerPolicies } from "../src/index.ts";
import { Stack, until, type Zone } from "./stack.ts";

let stack: Stack;
let east: Zone;
let west: Zone;
beforeEach(async () => {
  stack = await Stack.ofTwoZones();
  east = await stack.zone("east");
  west = await stack.zone("west");
});
afterEach(() => stack.close());

interface Wanted {
  name?: string;
  namespace?: string;
  role?: string;
  to?: object;
  targetRef?: object;
}
const timeout = ({ name = "slow", namespace = "shop", role = "producer", to = own, targetRef = { kind: "Mesh" } }: Wanted = {}) => ({
  ...{ type: "MeshTimeout", mesh: "default", name },
  labels: { "k8s.kuma.io/namespace": namespace, "kuma.io/policy-role": role, "kuma.io/origin": "zone", "kuma.io/zone": "west" },
  spec: { targetRef, to: [{ targetRef: to, default: { idleTimeout: "7s" } }] },
});
const own = { kind: "MeshService", name: "orders" };
const seen = (policies: ProducerPolicies) => policies.list("MeshTimeout").map(({ labels }) => labels?.["kuma.io/display-name"]);

test("a policy of who provides a service is in the other zones too, under a synced name, until it is gone", async () => {
  const inEast = new ProducerPolicies("east", east.sync.feed);
  const changed: KeyString[] = [];
  inEast.watch(({ keys }) => changed.push(...keys));
  await west.resources.put(timeout());
  await until(() => expect(seen(inEast)).toEqual(["slow"]));
  const [policy] = inEast.list("MeshTimeout");
  expect(policy!.labels).toMatchObject({ "kuma.io/origin": "global", "kuma.io/zone": "west", "kuma.io/policy-role": "producer" });
  expect(policy!.name).toMatch(/^slow-[a-z0-9]+$/);
  expect(changed).toEqual([`MeshTimeout/default/${policy!.name}`]);
  expect(new ProducerPolicies("west", west.sync.feed).list("MeshTimeout")).toEqual([]);
  await west.resources.put({ ...timeout(), spec: { ...timeout().spec, to: [{ targetRef: own, default: { idleTimeout: "8s" } }] } });
  await until(() => expect(inEast.list("MeshTimeout")[0]!.spec).toMatchObject({ to: [{ default: { idleTimeout: "8s" } }] }));
  await west.resources.delete({ type: "MeshTimeout", mesh: "default", name: "slow" });
  await until(() => expect(seen(inEast)).toEqual([]));
});

test("what only calls itself one stays at home: another role, no namespace, somebody else's service", async () => {
  const inEast = new ProducerPolicies("east", east.sync.feed);
  await west.resources.put(timeout({ name: "consumer", role: "consumer" }));
  await west.resources.put(timeout({ name: "of-all", to: { kind: "Mesh" } }));
  await west.resources.put(timeout({ name: "elsewhere", to: { ...own, namespace: "bank" } }));
  await west.resources.put(timeout({ name: "bare", namespace: "" }));
  await west.resources.put(timeout({ name: "for-west", targetRef: { kind: "MeshSubset", tags: { "kuma.io/zone": "west" } } }));
  await west.resources.put(timeout({ name: "for-east", targetRef: { kind: "MeshSubset", tags: { "kuma.io/zone": "east" } } }));
  await until(() => expect(seen(inEast)).toEqual(["for-east"]));
});
