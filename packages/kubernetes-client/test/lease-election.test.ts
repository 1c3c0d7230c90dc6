import { clusterKinds } from "@atoll/kubernetes";
import { afterEach, expect, test } from "vitest";
import { eventually } from "../../../test/testkit/src/eventually.ts";
import { Informer, KubernetesError, LeaseElection, systemTimers } from "../src/index.ts";
import { ClusterDouble } from "../../../test/cluster-double/src/cluster-double.ts";

const lease = { namespace: "kuma-system", name: "cp-leader-lease" };
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of open.splice(0).toReversed()) await each.close();
});

function candidate(cluster: ClusterDouble, identity: string, options: { isDown?: () => boolean; order?: string[] } = {}) {
  const { isDown = () => false, order = [] } = options;
  const seen: boolean[] = [];
  const onError = () => {};
  const api = new Proxy(cluster, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        if (isDown() && name !== "watch") throw new KubernetesError(0, "Unreachable", "down");
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  const informer = new Informer({ api, kind: clusterKinds.lease, selection: { namespace: "kuma-system" }, timers: systemTimers, onError });
  const durations = { durationMs: 1_000, renewDeadlineMs: 400 };
  const election = new LeaseElection({
    api,
    lease,
    informer,
    identity,
    ...durations,
    timers: systemTimers,
    onChange: (leads) => {
      seen.push(leads);
      order.push(`${identity} ${leads}`);
    },
    onError,
  });
  open.push(informer, election);
  return { election, seen };
}

const holder = (cluster: ClusterDouble) =>
  (cluster.find(clusterKinds.lease, lease)?.spec as { holderIdentity?: string } | undefined)?.holderIdentity;

test("one leads; another one takes over at once when it leaves, and only then", async () => {
  const cluster = new ClusterDouble();
  const a = candidate(cluster, "a");
  await eventually(() => expect(a.election.leads).toBe(true));
  const b = candidate(cluster, "b");
  await eventually(() => expect(cluster.calls.filter((call) => call.startsWith("update")).length).toBeGreaterThan(2));
  expect(b.election.leads).toBe(false);
  await a.election.close();
  expect(a.seen).toEqual([true, false]);
  await eventually(() => expect(b.election.leads).toBe(true));
  expect(holder(cluster)).toBe("b");
});

test("one that is cut off stops by itself before the other one takes over", async () => {
  const cluster = new ClusterDouble();
  let down = false;
  const order: string[] = [];
  const a = candidate(cluster, "a", { isDown: () => down, order });
  await eventually(() => expect(a.election.leads).toBe(true));
  candidate(cluster, "b", { order });
  down = true;
  await eventually(() => expect(order).toEqual(["a true", "a false", "b true"]));
});
