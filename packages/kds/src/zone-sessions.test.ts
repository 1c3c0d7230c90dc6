import { EmbeddedLog, topics } from "@atoll/event-log";
import { ZoneReplica } from "@atoll/replica";
import { isOnline } from "@atoll/resource";
import { eventually } from "@atoll/testkit";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { ZoneSession } from "./zone-session.ts";
import { ZoneSessions } from "./zone-sessions.ts";

let log: EmbeddedLog;
let nowMs: number;
const opened: { close(): Promise<void> }[] = [];
beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 1);
  log = await EmbeddedLog.open({ path: ":memory:" });
});
afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
  await log.close();
});

async function instanceOfGlobal(instanceId: string): Promise<ZoneSessions> {
  const store = await ZoneReplica.open({ log, zone: "", topic: topics.global });
  const sessions = new ZoneSessions({
    store,
    instanceId,
    kept: 3,
    now: () => new Date(nowMs++),
    onError: (error) => expect.fail(String(error)),
  });
  opened.push(store, sessions);
  return sessions;
}

const session = (zone: string, instanceId: string) => ({ zone, instanceId }) as ZoneSession;
const subscriptionsOf = (sessions: ZoneSessions, zone: string) =>
  (sessions.of(zone)?.subscriptions ?? []).map(({ globalInstanceId, zoneInstanceId, disconnectTime }) =>
    [globalInstanceId, zoneInstanceId, disconnectTime === undefined ? "open" : "ended"].join(" "),
  );
const same = (one: ZoneSessions, other: ZoneSessions, zone: string) =>
  eventually(() => {
    expect(other.of(zone)).toEqual(one.of(zone));
    return true;
  });

test("a session is shown alike by every instance of global, from its begin to its end", async () => {
  const [one, two] = [await instanceOfGlobal("g-1"), await instanceOfGlobal("g-2")];
  expect(two.of("east")).toBeUndefined();
  const east = session("east", "sync-1");
  one.registered({ zone: "east", instanceId: "sync-1", version: "2.10.11", features: [], configJson: '{"a":1}' });
  one.opened(east);
  // At once here, in a moment there.
  expect(subscriptionsOf(one, "east")).toEqual(["g-1 sync-1 open"]);
  await same(one, two, "east");
  expect(two.of("east")?.subscriptions?.[0]).toMatchObject({ config: '{"a":1}', version: { kumaCp: { version: "2.10.11" } } });
  expect(two.holders("east")).toEqual(["g-1"]);
  expect(one.holders("east")).toEqual([]);
  one.heard(east, { revision: 7, checksum: "c" }, { revisions: 1, ms: 2 });
  one.heard(east, { revision: 9, checksum: "c" }, { revisions: 1, ms: 2 });
  await same(one, two, "east");
  expect([one.zones(), one.isConnected("east"), one.revisionOf("east"), one.lagOf("east")]).toEqual([
    ["east"],
    true,
    9,
    { revisions: 1, ms: 2 },
  ]);
  expect([two.zones(), two.isConnected("east")]).toEqual([[], false]);
  expect(two.of("east")?.subscriptions?.[0]?.status?.total).toMatchObject({ responsesSent: "2", responsesAcknowledged: "2" });
  one.ended(east);
  await same(one, two, "east");
  expect(isOnline(two.of("east"))).toBe(false);
  expect(two.holders("east")).toEqual([]);
});

test("a zone that moves to another instance has one session; its other sync service keeps its own", async () => {
  const [one, two] = [await instanceOfGlobal("g-1"), await instanceOfGlobal("g-2")];
  one.opened(session("east", "sync-1"));
  one.opened(session("east", "sync-2"));
  await same(one, two, "east");
  two.opened(session("east", "sync-1"));
  await same(two, one, "east");
  expect(subscriptionsOf(one, "east")).toEqual(["g-1 sync-1 ended", "g-1 sync-2 open", "g-2 sync-1 open"]);
  // What it had before is the oldest that is not kept.
  two.opened(session("east", "sync-3"));
  await same(two, one, "east");
  expect(subscriptionsOf(one, "east")).toEqual(["g-1 sync-2 open", "g-2 sync-1 open", "g-2 sync-3 open"]);
});

test("the sessions of an instance that is gone, or was killed and starts again, are ended", async () => {
  const [one, two] = [await instanceOfGlobal("g-1"), await instanceOfGlobal("g-2")];
  one.opened(session("east", "sync-1"));
  one.opened(session("west", "sync-1"));
  await same(one, two, "west");
  expect(two.owners()).toEqual(new Set(["g-1"]));
  two.endAllOf("g-1");
  expect([two.of("east"), two.of("west")].map(isOnline)).toEqual([false, false]);
  two.opened(session("east", "sync-1"));
  await same(two, one, "east");
  const again = await instanceOfGlobal("g-2");
  expect(isOnline(again.of("east"))).toBe(false);
  await same(again, one, "east");
});

test("a zone that is deleted is forgotten", async () => {
  const [one, two] = [await instanceOfGlobal("g-1"), await instanceOfGlobal("g-2")];
  one.opened(session("east", "sync-1"));
  await same(one, two, "east");
  two.forget("east");
  expect(two.of("east")).toBeUndefined();
  await eventually(() => one.of("east") === undefined);
});
