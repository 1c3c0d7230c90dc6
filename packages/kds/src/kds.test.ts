import { topics } from "@atoll/event-log";
import type { MirrorLog } from "@atoll/event-log";
import { selfSignedPair } from "@atoll/testkit";
import { afterEach, expect, test } from "vitest";
import { zoneAccess } from "./access-policy.ts";
import type { SyncAlarm } from "./heartbeat.ts";
import { joinGlobal, sealingKey, startGlobal, tls } from "./kds-fixture.ts";
import type { KdsServerOptions, ProxyQuery, ZoneConnectionOptions, ZoneRegistration } from "./index.ts";
import { inspectAnywhere, inspectAtPeer, openRelay, QueryError, startKdsServer } from "./index.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function global(options: Partial<KdsServerOptions> = {}) {
  const started = await startGlobal(options);
  cleanups.push(() => started.close());
  return started;
}

function zone(port: number, options: Partial<ZoneConnectionOptions> = {}) {
  const joined = joinGlobal(port, options);
  cleanups.push(() => joined.connection.close());
  return joined;
}

const value = (text: string) => Buffer.from(text);

test("a zone registers over TLS and is given what it needs", async () => {
  const registrations: ZoneRegistration[] = [];
  const { server } = await global({ features: ["f1"], onRegister: (registration) => void registrations.push(registration) });
  const { connection, until } = zone(server.port, { features: ["z1"], instanceId: "east-1", configJson: "{}" });
  expect(await connection.registered).toMatchObject({
    zone: "east",
    clusterId: "cluster-1",
    version: "0.3.0",
    instanceId: "global-1",
    features: ["f1"],
    heartbeatIntervalMs: 20_000,
    warnings: [],
  });
  expect((await connection.registered).sealingKey?.export()).toBe(sealingKey.export());
  expect(registrations).toEqual([{ zone: "east", version: "0.3.1", features: ["z1"], instanceId: "east-1", configJson: "{}" }]);
  await until(() => connection.state === "connected");
  expect(server.sessions("east").map(({ instanceId, version }) => ({ instanceId, version }))).toEqual([
    { instanceId: "east-1", version: "0.3.1" },
  ]);
  expect(server.sessions("west")).toEqual([]);
});

test("verification of the certificate can be skipped, and is done otherwise", async () => {
  const { server } = await global();
  await zone(server.port, { tls: { skipVerify: true } }).connection.registered;
  const strict = zone(server.port, { tls: {}, instanceId: "b" });
  await strict.until(() => strict.disconnections.length > 0);
  expect(strict.disconnections[0]).toMatchObject({ final: false, status: "UNAVAILABLE" });
});

test.each([
  ["a token that does not verify", { token: () => "forged" }, "UNAUTHENTICATED", "the token's signature is not valid"],
  ["an expired token", { token: () => "old-token" }, "UNAUTHENTICATED", "the token is expired"],
  ["no token", { token: () => "" }, "UNAUTHENTICATED", /^no token/],
  [
    "a token that names no zone",
    { token: () => "any-zone-token" },
    "PERMISSION_DENIED",
    "the token names no zone: a zone's services need a token of their zone",
  ],
  ["an internal service", { token: () => "internal" }, "PERMISSION_DENIED", "an internal service is no zone"],
  [
    "the token of another zone",
    { token: () => "west-token" },
    "PERMISSION_DENIED",
    'the token is for zone "west", this process is zone "east"',
  ],
  ["another cluster", { clusterId: "cluster-0" }, "FAILED_PRECONDITION", /belongs to cluster cluster-0, .* is cluster cluster-1$/],
  [
    "a version too old",
    { version: "0.0.9" },
    "FAILED_PRECONDITION",
    /0\.0\.9 and global 0\.3\.0: they may be 2 minor versions apart at most; upgrade the zone/,
  ],
  ["another major version", { version: "1.0.0" }, "FAILED_PRECONDITION", /their major versions must be the same/],
])("refuses %s for good, with the reason", async (_, options: Partial<ZoneConnectionOptions>, status, reason) => {
  const { server } = await global();
  const { connection, refusals, until } = zone(server.port, options);
  await expect(connection.registered).rejects.toMatchObject({ name: "ZoneRefusedError", refusal: { final: true, status } });
  await until(() => refusals.length > 0);
  expect(connection.state).toBe("refused");
  expect(refusals[0]!.reason).toMatch(reason);
  expect(server.sessions()).toEqual([]);
});

test("a token of a zone that is connected is refused to a process of another one, which does not count as that zone", async () => {
  const registered: string[] = [];
  const { server } = await global({ onRegister: ({ instanceId }) => void registered.push(instanceId) });
  const west = zone(server.port, { token: () => "west-token", zone: "west", instanceId: "west-1" });
  await west.until(() => west.connection.state === "connected");
  const stray = zone(server.port, { token: () => "west-token", zone: "east", instanceId: "east-1" });
  await expect(stray.connection.registered).rejects.toMatchObject({ refusal: { final: true, status: "PERMISSION_DENIED" } });
  expect(registered).toEqual(["west-1"]);
});

test("what may pass is tried again: keys not there, cluster id not known", async () => {
  let clusterId: string | undefined;
  const { server, verdicts } = await global({ clusterId: () => clusterId });
  const { connection, disconnections, until } = zone(server.port, { token: () => "early-token" });
  await until(() => disconnections.some(({ reason }) => reason === "the keys are not here yet"));
  verdicts.set("early-token", { zone: "east" });
  await until(() => disconnections.some(({ reason }) => reason === "the server is still starting"));
  clusterId = "cluster-1";
  expect((await connection.registered).zone).toBe("east");
});

test("a newer zone joins with a warning", async () => {
  const { server } = await global();
  const { warnings } = await zone(server.port, { version: "0.4.0" }).connection.registered;
  expect(warnings).toEqual(["the zone runs 0.4.0, newer than global 0.3.0: upgrade global first"]);
});

test("in a zone, only the zone's own token is taken", async () => {
  const { server } = await global({ onlyZone: "east", allows: zoneAccess("east") });
  await expect(zone(server.port, { token: () => "west-token", zone: "west" }).connection.registered).rejects.toMatchObject({
    refusal: { status: "PERMISSION_DENIED", reason: 'the token is for zone "west", this is zone "east"' },
  });
  await zone(server.port, { instanceId: "xds-1" }).connection.registered;
  const second = zone(server.port, { instanceId: "xds-2" });
  await second.until(() => second.connection.state === "connected");
  expect(
    server
      .sessions("east")
      .map(({ instanceId }) => instanceId)
      .sort(),
  ).toEqual(["xds-1", "xds-2"]);
});

test("several instances of a zone have a session each; one that comes back replaces its own", async () => {
  const { server } = await global();
  const sessions = () => server.sessions("east").map(({ instanceId }) => instanceId);
  const first = zone(server.port, { instanceId: "one" });
  await first.until(() => first.connection.state === "connected");
  const second = zone(server.port, { instanceId: "two" });
  await second.until(() => second.connection.state === "connected");
  expect(sessions()).toEqual(["one", "two"]);
  const again = zone(server.port, { instanceId: "one" });
  await again.until(() => again.connection.state === "connected");
  expect(sessions()).toEqual(["two", "one"]);
  await first.until(() => first.disconnections.length > 0);
  await first.connection.close();
});

test("whoever has several addresses goes to the next one when one is gone, and its reads go along", async () => {
  const [one, two] = [await global({ instanceId: "g-1" }), await global({ instanceId: "g-2" })];
  for (const { log } of [one, two]) await log.ensureTopic({ name: topics.inventory("east"), cleanup: "compact" });
  const registrations: string[] = [];
  const { connection, until } = zone(one.server.port, {
    addresses: [one, two].map(({ server }) => `grpcs://127.0.0.1:${server.port}`),
    onRegistered: ({ instanceId }) => registrations.push(instanceId),
  });
  await until(() => connection.state === "connected");
  await one.log.append(topics.inventory("east"), [{ key: "k", value: Buffer.from("one") }]);
  expect(await connection.log.head(topics.inventory("east"))).toBe(1);
  await one.server.close();
  await until(() => connection.state === "connected" && registrations.length === 2);
  expect(registrations).toEqual(["g-1", "g-2"]);
  expect(await connection.log.head(topics.inventory("east"))).toBe(0);
});

test("heartbeats go both ways, on time and at once", async () => {
  let heard = (): void => {};
  const { server, progress } = await global({ heartbeatIntervalMs: 50, onHeartbeat: () => heard() });
  const east = zone(server.port);
  await east.until(() => east.connection.state === "connected");
  Object.assign(progress, { revision: 7, checksum: "abc" });
  await east.until(() => east.connection.heartbeat?.revision === 7);
  expect(east.connection.heartbeat).toMatchObject({ revision: 7, checksum: "abc" });
  Object.assign(east.progress, { revision: 7, checksum: "abc", positions: { "atoll.zone.east": 12 } });
  east.connection.beat();
  const [session] = server.sessions("east");
  while (session!.heartbeat?.revision !== 7) await new Promise<void>((resolve) => (heard = resolve));
  expect(session!.heartbeat).toMatchObject({ checksum: "abc", positions: { "atoll.zone.east": 12 } });
});

test("standing still while global moves is an alarm, and dials anew; another state at the same revision is one, too", async () => {
  const alarms: SyncAlarm[] = [];
  const { server, progress } = await global({ heartbeatIntervalMs: 30 });
  const east = zone(server.port, { onAlarm: (alarm) => alarms.push(alarm), stallMs: 60 });
  Object.assign(progress, { revision: 5, checksum: "x" });
  await east.until(() => alarms.length > 0);
  expect(alarms[0]).toMatchObject({ type: "stalled", revision: 0, head: 5 });
  Object.assign(east.progress, { revision: 5, checksum: "y" });
  await east.until(() => alarms.some(({ type }) => type === "diverged"));
  expect(alarms.find(({ type }) => type === "diverged")).toEqual({ type: "diverged", revision: 5, ours: "y", theirs: "x" });
});

test("global asks, the zone answers concurrently, with errors and limits", async () => {
  const { server } = await global();
  const release = Promise.withResolvers<void>();
  const east = zone(server.port, {
    answer: async (query) => {
      const { name } = (query as ProxyQuery).proxy;
      if (name === "slow") await release.promise;
      if (name === "none") throw new Error("proxy default/none is not connected");
      return value(JSON.stringify(query));
    },
  });
  await east.until(() => east.connection.state === "connected");
  const [session] = server.sessions("east");
  const proxy = (name: string) => ({ type: "Dataplane", mesh: "default", name });
  const slow = session!.query({ proxy: proxy("slow"), subject: "stats", format: "text" });
  const dump = { proxy: proxy("web"), subject: "config-dump", includeEds: true } as const;
  expect(JSON.parse(Buffer.from(await session!.query(dump)).toString())).toEqual(dump);
  await expect(session!.query({ proxy: proxy("none"), subject: "clusters", format: "json" })).rejects.toMatchObject({
    code: "failed",
    message: "proxy default/none is not connected",
  });
  await expect(session!.query({ proxy: proxy("slow"), subject: "stats", format: "text" }, 30)).rejects.toMatchObject({ code: "timeout" });
  release.resolve();
  expect(JSON.parse(Buffer.from(await slow).toString())).toMatchObject({ subject: "stats", format: "text" });
  const cut = session!.query({ proxy: proxy("web"), subject: "stats", format: "text" });
  session!.end();
  await expect(cut).rejects.toMatchObject({ code: "offline", message: "zone east is offline" });
});

test("one instance of global has another ask the zone that is connected there; nobody else may", async () => {
  const { server } = await global();
  const peer = { address: `grpcs://127.0.0.1:${server.port}`, certificate: tls.certificate };
  const query = { proxy: { type: "Dataplane", mesh: "default", name: "dp-1" }, subject: "stats", format: "text" } as const;
  await expect(inspectAtPeer(peer, "internal", "east", query)).rejects.toMatchObject({
    name: "QueryError",
    message: expect.stringMatching(/east is offline/),
  });
  const east = zone(server.port, { answer: async (asked) => Buffer.from(`${asked.subject} of ${(asked as ProxyQuery).proxy.name}`) });
  await east.until(() => east.connection.state === "connected");
  expect(Buffer.from(await inspectAtPeer(peer, "internal", "east", query)).toString()).toBe("stats of dp-1");
  await expect(inspectAtPeer(peer, "east-token", "east", query)).rejects.toMatchObject({
    message: expect.stringMatching(/zone east may not inspect others/),
  });
  await expect(inspectAtPeer(peer, "forged", "east", query)).rejects.toMatchObject({
    message: expect.stringMatching(/signature is not valid/),
  });

  const offline = () => Promise.reject(new QueryError("offline", "zone east is offline"));
  const failed = () => Promise.reject(new QueryError("failed", "Dataplane dp-1 is not found"));
  await expect(inspectAnywhere([offline, failed, offline], "east")).rejects.toMatchObject({
    message: expect.stringMatching(/is not found/),
  });
  expect(await inspectAnywhere([offline, failed, async () => Buffer.from("found")], "east")).toEqual(Buffer.from("found"));
  await expect(inspectAnywhere([], "east")).rejects.toMatchObject({ code: "offline" });
});

test("a revoked token ends the session and the reads, with the reason, and a new one joins again", async () => {
  const { server, verdicts, log } = await global();
  let token = "east-token";
  const east = zone(server.port, { token: () => token });
  await east.until(() => east.connection.state === "connected");
  const started = Promise.withResolvers<void>();
  const reading = (async () => {
    for await (const batch of east.connection.log.read(topics.config, 0, new AbortController().signal))
      if (batch.length > 0) started.resolve();
  })();
  await log.append(topics.config, [{ value: value("x") }]);
  await started.promise;
  verdicts.set("east-token", { error: "the token is revoked" });
  await server.recheck();
  await expect(reading).rejects.toMatchObject({ code: "forbidden", message: "the token is revoked" });
  await east.until(() => east.refusals.length > 0);
  expect(east.refusals[0]).toEqual({ final: true, status: "UNAUTHENTICATED", reason: "the token is revoked" });
  verdicts.set("new-token", { zone: "east" });
  token = "new-token";
  east.connection.reconnect();
  await east.until(() => east.connection.state === "connected");
  expect(server.sessions("east").length).toBe(1);
});

test("a token that was renewed before it expired takes its place by itself", async () => {
  const { server, verdicts } = await global();
  let token = "east-token";
  const east = zone(server.port, { token: () => token });
  await east.until(() => east.connection.state === "connected");
  verdicts.set("new-token", { zone: "east" });
  token = "new-token";
  verdicts.set("east-token", { error: "the token is expired" });
  await server.recheck();
  await east.until(() => east.disconnections.length > 0);
  await east.until(() => east.connection.state === "connected");
  expect(east.refusals).toEqual([]);
});

test("a token is cut off when it expires", async () => {
  const { server, verdicts } = await global();
  verdicts.set("short-token", { zone: "east", expiresAtMs: Date.now() + 300 });
  const east = zone(server.port, { token: () => "short-token" });
  await east.until(() => east.connection.state === "connected");
  verdicts.set("short-token", { error: "the token is expired" });
  await east.until(() => east.refusals.length > 0);
  expect(east.refusals[0]?.reason).toBe("the token is expired");
});

test("a zone comes back by itself when global was away", async () => {
  const first = await startGlobal();
  const east = zone(first.server.port);
  await east.until(() => east.connection.state === "connected");
  await first.close();
  await east.until(() => east.disconnections.length > 0);
  expect(east.connection.state).toBe("connecting");
  const second = await global({ port: first.server.port });
  await east.until(() => east.connection.state === "connected");
  expect(second.server.sessions("east").length).toBe(1);
});

test("each caller reaches its own part of global's log only", async () => {
  const { server, log } = await global();
  await log.ensureTopic({ name: topics.zone("west"), cleanup: "compact" });
  const { connection } = zone(server.port);
  await connection.registered;
  const east = connection.log;
  const internal = openRelay({ address: `grpcs://127.0.0.1:${server.port}`, tls: { ca: tls.certificate }, token: () => "internal" });
  cleanups.push(() => internal.close());
  const outcome = (attempt: Promise<unknown>) =>
    attempt.then(
      () => "allowed",
      (error: { code: string }) => error.code,
    );
  const read = async (from: MirrorLog, topic: string) => {
    const stop = new AbortController();
    for await (const _ of from.read(topic, 0, stop.signal)) stop.abort();
  };
  const record = [{ key: "k", value: value("v") }];

  expect(await outcome(east.ensureTopic({ name: topics.zone("east"), cleanup: "compact" }))).toBe("allowed");
  expect(await outcome(east.append(topics.zone("east"), record))).toBe("allowed");
  expect(await outcome(east.ensureTopic({ name: topics.inventory("east"), cleanup: "compact" }))).toBe("allowed");
  expect(
    await outcome(east.appendMirror(topics.inventory("east"), [{ offset: 0, timestamp: 1, key: "k", value: null, headers: {} }])),
  ).toBe("allowed");
  for (const topic of [topics.config, topics.configSnapshots, topics.inventory("west"), topics.zone("east")]) {
    expect([topic, await outcome(read(east, topic)), await outcome(east.head(topic))]).toEqual([topic, "allowed", "allowed"]);
  }
  for (const topic of [topics.config, topics.configSnapshots, topics.zone("west"), topics.inventory("west"), topics.zone("east2")]) {
    expect([topic, await outcome(east.append(topic, record)), await outcome(east.appendMirror(topic, []))]).toEqual([
      topic,
      "forbidden",
      "forbidden",
    ]);
  }
  expect(await outcome(read(east, topics.zone("west")))).toBe("forbidden");
  expect(await outcome(east.ensureTopic({ name: topics.inventory("other"), cleanup: "compact" }))).toBe("forbidden");

  expect(await outcome(internal.append(topics.config, record))).toBe("allowed");
  expect(await outcome(read(internal, topics.zone("west")))).toBe("allowed");
  expect(await outcome(internal.append(topics.zone("west"), record))).toBe("forbidden");
  expect(await log.head(topics.config)).toBe(1);
});

test("a taken port and a bad address are said clearly", async () => {
  const { server, log } = await global();
  const again = startKdsServer({
    ...{ host: "127.0.0.1", port: server.port, log, allows: () => true, verify: async () => ({ error: "no" }), version: "0.3.0" },
    ...{ instanceId: "g", clusterId: () => "c", progress: () => ({ revision: 0, checksum: "" }), instancesPerZone: "one" as const },
  });
  await expect(again).rejects.toThrow(`cannot listen on 127.0.0.1:${server.port} for KDS`);
  expect(() => joinGlobal(1, { addresses: ["http://localhost:1"] })).toThrow(
    'address "http://localhost:1": must be grpcs://host:port or grpc://host:port',
  );
});

test("the certificate must be the address's", async () => {
  const { server } = await global();
  const { disconnections, until } = zone(server.port, { addresses: [`grpcs://127.0.0.2:${server.port}`] });
  await until(() => disconnections.length > 0);
  expect(disconnections[0]).toMatchObject({ final: false, status: "UNAVAILABLE" });
  await zone(server.port, { addresses: [`grpcs://localhost:${server.port}`] }).connection.registered;
});

test("a pinned certificate is taken whatever its names, and no other", async () => {
  const elsewhere = selfSignedPair(["elsewhere.example"]);
  const { server } = await global({ tls: { certificate: elsewhere.certificatePem, key: elsewhere.privateKeyPem } });
  const relay = (pinned: string) => {
    const log = openRelay({ address: `grpcs://127.0.0.1:${server.port}`, tls: { pinned }, token: () => "internal" });
    cleanups.push(() => log.close());
    return log;
  };
  expect(await relay(elsewhere.certificatePem).head(topics.config)).toBe(0);
  const another = selfSignedPair(["elsewhere.example"]).certificatePem;
  await expect(relay(another).head(topics.config)).rejects.toMatchObject({ code: "unavailable" });
});
