import { request as requestHttps } from "node:https";
import { connect as connectTcp } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { status } from "@grpc/grpc-js";
import { HealthStatus } from "@atoll/envoy-api/envoy/config/core/v3/health_check_pb.js";
import type { EmbeddedLog } from "@atoll/event-log";
import type { ZoneReplica } from "@atoll/replica";
import { isOnline, type DataplaneSpec } from "@atoll/resource";
import { eventually, selfSignedPair } from "@atoll/testkit";
import { SealingKey, sealSecret } from "@atoll/secret";
import {
  createSigningKey,
  dataplaneScope,
  issueToken,
  publicKeyPem,
  readSigningKey,
  resourceKeys,
  resourceRevocations,
  signingKeyResources,
  type IssueOptions,
} from "@atoll/token";
import { SnapshotCache } from "@atoll/xds";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createTokenVerifier, DpServer, ProxyLifecycle, type DpServerOptions } from "../src/index.ts";
import { Config, dataplane, draft, envoyNode, ingress, lifecycleOptions, openZone, quiet } from "./fixtures.ts";
import { AdsClient, HdsClient, type ServerAddress } from "./proxy-client.ts";

const pair = selfSignedPair();
const ring = { zone: SealingKey.generate() };
const hourMs = 3_600_000;
let signingKeys: { dataplane: string; zone: string };

let config: Config;
let log: EmbeddedLog;
let store: ZoneReplica;
let server: DpServer;
let address: ServerAddress;
let cache: SnapshotCache;
let connected: string[];
let refs: Record<string, Parameters<DpServerOptions["compiler"]["connect"]>[1]>;
const clients: { close(): void }[] = [];

beforeAll(async () => {
  const [dataplaneKey, zoneKey] = await Promise.all([createSigningKey(), createSigningKey()]);
  signingKeys = { dataplane: dataplaneKey, zone: zoneKey };
});

const token = <K extends "dataplane" | "zone">(
  kind: K,
  claims: Partial<IssueOptions<K>["claims"]>,
  options: Partial<IssueOptions<K>> = {},
) =>
  issueToken<K>({
    kind,
    claims: { name: "", mesh: "", tags: {}, type: "", zone: "", scope: [], ...claims } as never,
    key: { kid: "1", privateKey: readSigningKey(Buffer.from(signingKeys[kind])) },
    jti: "id-1",
    nowMs: Date.now(),
    validForMs: hourMs,
    ...options,
  });

beforeEach(async () => {
  config = new Config().put({ type: "Mesh", name: "default" });
  const published = [
    { mesh: "default", name: "dataplane-token-signing-key-default-1", key: signingKeys.dataplane },
    { mesh: "", name: "zone-token-signing-key-1", key: signingKeys.zone },
  ];
  for (const { mesh, name, key } of published)
    config.putDraft({ type: "TokenVerificationKey", mesh, name, spec: { kid: "1", publicKeyPem: publicKeyPem(key) } });
  const revoked = {
    type: "Secret",
    mesh: "default",
    name: "dataplane-token-revocations-default",
    spec: { data: Buffer.from("revoked-id").toString("base64") },
  };
  config.putDraft(sealSecret(ring, revoked));
  ({ log, store } = await openZone());
  connected = [];
  refs = {};
  await open();
});

async function open(publishAfterMs = 40): Promise<void> {
  const lifecycle = new ProxyLifecycle(lifecycleOptions(store, "xds-1", config));
  server = await DpServer.open({
    address: "127.0.0.1",
    port: 0,
    certificatePem: pair.certificatePem,
    privateKeyPem: pair.privateKeyPem,
    instanceId: "xds-1",
    version: "2.10.11",
    cache: (cache = new SnapshotCache()),
    publishAfterMs,
    compiler: {
      connect: (nodeId, ref) => {
        connected.push(nodeId);
        refs[nodeId] = ref;
      },
      arrived: () => {},
      settled: async () => {},
      disconnect: (nodeId) => void connected.splice(connected.indexOf(nodeId), 1),
    },
    lifecycle,
    store,
    verifier: createTokenVerifier(
      "east",
      { keys: resourceKeys(config), revocations: resourceRevocations(config, ring) },
      { now: () => new Date() },
    ),
    authentication: { dataplanes: "dpToken", zoneProxies: "zoneToken" },
    bootstrap: (port) => ({
      zone: "east",
      config,
      zoneResources: store,
      authentication: { dataplanes: "dpToken", zoneProxies: "zoneToken" },
      certificateNames: ["localhost"],
      certificatePem: pair.certificatePem,
      adminAddress: "127.0.0.1",
      adminPort: 9901,
      adminAccessLogPath: "/dev/null",
      healthDiscovery: true,
      reloadableTokens: false,
      xdsHost: "",
      xdsPort: port,
      xdsConnectTimeoutMs: 1_000,
      maxDownstreamConnections: 50_000,
    }),
    log: quiet,
  });
  clients.push({ close: () => lifecycle.close() });
  address = { port: server.port, caPem: pair.certificatePem };
}

/** The same server, with another patience. */
async function reopen(publishAfterMs: number): Promise<void> {
  await server.close();
  await open(publishAfterMs);
}

const postTo = (path: string, body: object, credential: string) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = credential === "" ? {} : { authorization: `Bearer ${credential}` };
    const call = requestHttps(
      { host: "localhost", port: address.port, path, method: "POST", ca: pair.certificatePem, headers },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    call.on("error", reject);
    call.end(JSON.stringify(body));
  });

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await server.close();
  await store.close();
  await log.close();
});

const bearer = (value: string): [string, string][] => [["authorization", value]];
const ads = (headers: [string, string][]) => {
  const client = new AdsClient(address, headers);
  clients.push(client);
  return client;
};
const hds = (headers: [string, string][]) => {
  const client = new HdsClient(address, headers);
  clients.push(client);
  return client;
};

describe("one port", () => {
  test("HTTP/1.1 reaches /bootstrap, HTTP/2 reaches ADS", async () => {
    const answer = await new Promise<number>((resolve, reject) => {
      const call = requestHttps({ host: "localhost", port: server.port, ca: pair.certificatePem, path: "/bootstrap", method: "POST" });
      call.on("response", (response) => {
        response.resume();
        resolve(response.statusCode!);
      });
      call.on("error", reject);
      call.end(JSON.stringify({ name: "web-1", dataplaneToken: "a.b.c", dataplaneResource: JSON.stringify(dataplane("web-1")) }));
    });
    expect(answer).toBe(200);
    ads(bearer(await token("dataplane", { mesh: "default" }))).start(envoyNode(dataplane("web-1")));
    await eventually(() => connected.includes("default.web-1"));
  });

  test("older TLS is refused", async () => {
    const error = await new Promise<Error>((resolve, reject) => {
      const socket = connectTls({
        host: "localhost",
        port: server.port,
        ca: pair.certificatePem,
        maxVersion: "TLSv1.1",
        minVersion: "TLSv1.1",
        ciphers: "DEFAULT@SECLEVEL=0",
      });
      socket.on("error", resolve);
      socket.on("secureConnect", () => reject(new Error("it was accepted")));
    });
    expect(error.message).toMatch(/alert|handshake|protocol|reset/i);
  });

  test("it closes with connections open that never say anything", async () => {
    const silent = connectTcp(server.port, "127.0.0.1");
    silent.on("error", () => undefined);
    await new Promise((resolve) => silent.once("connect", resolve));
    const ended = new Promise((resolve) => silent.once("close", resolve));
    await server.close();
    await ended;
  });
});

describe("a stream that is let in", () => {
  test("its proxy is registered and handed to the compiler with what Envoy told of itself", async () => {
    const extensions = [{ name: "envoy.filters.network.kafka_broker" }];
    ads(bearer(await token("dataplane", { name: "web-1", mesh: "default", tags: { "kuma.io/service": ["web"] } }))).start({
      ...envoyNode(dataplane("web-1")),
      extensions,
    });
    await eventually(() => connected.includes("default.web-1"));
    expect(refs["default.web-1"]).toEqual({
      type: "dataplane",
      mesh: "default",
      name: "web-1",
      metadata: { adminAddress: "127.0.0.1", adminPort: 9901, kafkaFilter: true },
    });
    await eventually(() => store.get("Dataplane", "default", "web-1"));
  });

  test("its proxy is in the log once its Envoy has answered for all that it was sent, and not before", async () => {
    await reopen(60_000);
    cache.set("default.web-1", { revision: 1, resources: new Map() });
    const client = ads(bearer(await token("dataplane", {}))).start(envoyNode(dataplane("web-1")));
    await eventually(() => client.responses.length > 0);
    await delay(60);
    expect(store.get("Dataplane", "default", "web-1")).toBeUndefined();
    client.acknowledge();
    await eventually(() => store.get("Dataplane", "default", "web-1"));
  });

  test("a proxy that says it leaves, with its token, is offline from then on; with another's it is not", async () => {
    const own = await token("dataplane", { name: "web-1", mesh: "default" });
    ads(bearer(own)).start(envoyNode(dataplane("web-1")));
    const isOn = () => isOnline(store.get<{ subscriptions?: [] }>("DataplaneInsight", "default", "web-1")?.spec);
    await eventually(isOn);
    const leave = (credential: string, body: object = { mesh: "default", name: "web-1", proxyType: "dataplane" }) =>
      postTo("/leave", body, credential);
    expect(await leave(await token("dataplane", { name: "web-2", mesh: "default" }))).toMatchObject({ status: 401 });
    expect(await leave("")).toEqual({ status: 401, text: "no token was sent" });
    expect(await leave(own, { mesh: "default", proxyType: "moon", name: "web-1" })).toMatchObject({ status: 400 });
    expect(await leave(own, { mesh: "default", name: "web-9" })).toEqual({ status: 404, text: "this proxy is not registered" });
    expect(isOn()).toBe(true);
    expect(await leave(own)).toEqual({ status: 200, text: "" });
    expect(isOn()).toBe(false);
  });

  test("it ends when its token is revoked, and only then", async () => {
    const bad = ads(bearer(await token("dataplane", {}, { jti: "stolen" }))).start(envoyNode(dataplane("web-1")));
    const good = ads(bearer(await token("dataplane", {}, { jti: "kept" }))).start(envoyNode(dataplane("web-2")));
    await eventually(() => connected.includes("default.web-1") && connected.includes("default.web-2"));
    const spec = { data: Buffer.from("stolen").toString("base64") };
    config.putDraft(sealSecret(ring, { type: "Secret", mesh: "default", name: "dataplane-token-revocations-default", spec }));
    await server.endWithdrawn();
    expect(await bad.refused()).toMatchObject({ code: status.UNAUTHENTICATED, details: "authentication failed: the token is revoked" });
    expect(server.report().map((stream) => stream.nodeId)).toEqual(["default.web-2"]);
    good.close();
  });

  test("it ends when the key that signed its token is gone or another one; an expired token waits for the next stream", async () => {
    ads(bearer(await token("dataplane", {}))).start(envoyNode(dataplane("web-1")));
    await eventually(() => connected.includes("default.web-1"));
    const keyName = "dataplane-token-signing-key-default-1";
    const key = config.get("TokenVerificationKey", "default", keyName)!;
    await server.endWithdrawn();
    expect(connected).toEqual(["default.web-1"]);
    config.putDraft(signingKeyResources(dataplaneScope("default"), "1", await createSigningKey())[1]);
    await server.endWithdrawn();
    await eventually(() => connected.length === 0);
    config.putDraft(key);
    ads(bearer(await token("dataplane", {}))).start(envoyNode(dataplane("web-2")));
    await eventually(() => connected.includes("default.web-2"));
    config.delete("TokenVerificationKey", "default", keyName);
    await server.endWithdrawn();
    await eventually(() => connected.length === 0);
    config.putDraft(key);
  });

  test("the token may be preceded by Bearer", async () => {
    ads(bearer(`Bearer ${await token("dataplane", {})}`)).start(envoyNode(dataplane("web-1")));
    await eventually(() => connected.includes("default.web-1"));
  });

  test("its end takes the proxy out of the compiler, and later out of the mesh", async () => {
    const client = ads(bearer(await token("dataplane", {}))).start(envoyNode(dataplane("web-1")));
    await eventually(() => connected.includes("default.web-1"));
    client.close();
    await eventually(() => connected.length === 0);
    await eventually(() => store.get("Dataplane", "default", "web-1") === undefined);
  });

  test("a second stream of the proxy is refused, and its end leaves the first one alone", async () => {
    const header = bearer(await token("dataplane", {}));
    ads(header).start(envoyNode(dataplane("web-1")));
    await eventually(() => connected.includes("default.web-1"));
    const error = await ads(header)
      .start(envoyNode(dataplane("web-1")))
      .refused();
    expect([error.code, error.details]).toEqual([status.UNAVAILABLE, "there is already an active stream from this node, try again later"]);
    expect(connected).toEqual(["default.web-1"]);
    await eventually(() => isOnline(store.get<{ subscriptions?: [] }>("DataplaneInsight", "default", "web-1")?.spec));
  });

  test("when the server closes, its proxies stay online in the log", async () => {
    ads(bearer(await token("dataplane", {}))).start(envoyNode(dataplane("web-1")));
    await eventually(() => isOnline(store.get<{ subscriptions?: [] }>("DataplaneInsight", "default", "web-1")?.spec));
    await server.close();
    expect(isOnline(store.get<{ subscriptions?: [] }>("DataplaneInsight", "default", "web-1")?.spec)).toBe(true);
  });
});

describe("refusals", () => {
  const node = () => envoyNode(dataplane("web-1"));
  const zoneNode = () => envoyNode(ingress("in-1"));
  const past = Date.now() - 48 * hourMs;
  const refusals: [string, () => Promise<[string, string][]>, () => ReturnType<typeof envoyNode>, number, RegExp][] = [
    ["no token", async () => [], node, status.UNAUTHENTICATED, /^authentication failed: no token was sent$/],
    ["no JWT", async () => bearer("secret"), node, status.UNAUTHENTICATED, /not a signed JWT$/],
    [
      "another name",
      async () => bearer(await token("dataplane", { name: "web-2" })),
      node,
      status.UNAUTHENTICATED,
      /for dataplane "web-2", not "web-1"$/,
    ],
    [
      "another mesh",
      async () => bearer(await token("dataplane", { mesh: "other" })),
      node,
      status.UNAUTHENTICATED,
      /for mesh "other", not "default"$/,
    ],
    [
      "another service",
      async () => bearer(await token("dataplane", { tags: { "kuma.io/service": ["api"] } })),
      node,
      status.UNAUTHENTICATED,
      /allows tag "kuma.io\/service" with "api", not "web"$/,
    ],
    [
      "a tag it lacks",
      async () => bearer(await token("dataplane", { tags: { team: ["a"] } })),
      node,
      status.UNAUTHENTICATED,
      /requires tag "team"/,
    ],
    ["an expired token", async () => bearer(await token("dataplane", {}, { nowMs: past })), node, status.UNAUTHENTICATED, /expired$/],
    ["a revoked token", async () => bearer(await token("dataplane", {}, { jti: "revoked-id" })), node, status.UNAUTHENTICATED, /revoked$/],
    [
      "a key that is gone",
      async () =>
        bearer(await token("dataplane", {}, { key: { kid: "7", privateKey: readSigningKey(Buffer.from(signingKeys.dataplane)) } })),
      node,
      status.UNAUTHENTICATED,
      /no signing key with KID 7/,
    ],
    [
      "a foreign key",
      async () =>
        bearer(await token("dataplane", {}, { key: { kid: "1", privateKey: readSigningKey(Buffer.from(await createSigningKey())) } })),
      node,
      status.UNAUTHENTICATED,
      /signature is not valid$/,
    ],
    [
      "a zone token for a dataplane",
      async () => bearer(await token("zone", { scope: ["ingress"] })),
      node,
      status.UNAUTHENTICATED,
      /signature is not valid$/,
    ],
    [
      "a zone token of another scope",
      async () => bearer(await token("zone", { zone: "east", scope: ["egress"] })),
      zoneNode,
      status.UNAUTHENTICATED,
      /scope is "egress"; "ingress" is needed$/,
    ],
    [
      "a zone token of another zone",
      async () => bearer(await token("zone", { zone: "west", scope: ["ingress"] })),
      zoneNode,
      status.UNAUTHENTICATED,
      /for zone "west", not "east"$/,
    ],
    [
      "a node id that is none",
      async () => [],
      () => ({ ...node(), id: "web-1" }),
      status.INVALID_ARGUMENT,
      /^node id "web-1" is not of the form <mesh>.<name>$/,
    ],
    [
      "a node id of another proxy",
      async () => [],
      () => ({ ...node(), id: "default.web-2" }),
      status.INVALID_ARGUMENT,
      /does not name the resource it brings \("default\.web-1"\)$/,
    ],
    [
      "a kind that is none",
      async () => [],
      () => ({ ...node(), metadata: { ...node().metadata, "dataplane.proxyType": "router" } }),
      status.INVALID_ARGUMENT,
      /"router", not one of/,
    ],
    [
      "a dataplane nobody knows",
      async () => [],
      () => envoyNode(dataplane("web-9"), { brought: false }),
      status.FAILED_PRECONDITION,
      /^Dataplane "web-9" is not found$/,
    ],
    [
      "a mesh nobody knows",
      async () => [],
      () => envoyNode({ ...dataplane("web-1"), mesh: "other" }),
      status.FAILED_PRECONDITION,
      /^mesh "other" does not exist$/,
    ],
  ];
  test.each(refusals)("%s", async (_what, headers, described, code, details) => {
    const error = await ads(await headers())
      .start(described())
      .refused();
    expect([error.code, error.details]).toEqual([code, expect.stringMatching(details)]);
    expect(connected).toEqual([]);
    expect(store.list("Dataplane")).toEqual([]);
  });

  test("who may be one service must not replace the dataplane of another", async () => {
    await store.put(draft(dataplane("web-1")));
    const brought = dataplane("web-1", { inbound: [{ port: 8080, tags: { "kuma.io/service": "api" } }] });
    const header = bearer(await token("dataplane", { tags: { "kuma.io/service": ["api"] } }));
    const error = await ads(header).start(envoyNode(brought)).refused();
    expect(error.details).toMatch(/does not allow to replace the dataplane of that name: .*"api", not "web"$/);
    expect(store.get<DataplaneSpec>("Dataplane", "default", "web-1")!.spec.networking.inbound![0]!.tags["kuma.io/service"]).toBe("web");
  });

  test("health discovery asks for the same token", async () => {
    const error = await hds([]).start(node()).refused();
    expect([error.code, error.details]).toEqual([status.UNAUTHENTICATED, "authentication failed: no token was sent"]);
  });
});

describe("health discovery", () => {
  const probed = dataplane("web-1", {
    inbound: [
      { port: 8080, servicePort: 8081, tags: { "kuma.io/service": "web" }, serviceProbe: { tcp: {} } },
      { port: 9090, tags: { "kuma.io/service": "api" } },
    ],
  });
  const inbounds = () =>
    store
      .get<DataplaneSpec>("Dataplane", "default", "web-1")!
      .spec.networking.inbound!.map(({ state = "Ready", health }) => [state, health?.ready ?? false]);

  test("a probe's results make the inbound ready and not ready", async () => {
    const header = bearer(await token("dataplane", {}));
    ads(header).start(envoyNode(probed));
    await eventually(() => store.get("Dataplane", "default", "web-1"));
    const client = hds(header).start(envoyNode(probed));
    const specifier = await eventually(() => client.responses[0]);
    expect(specifier.clusterHealthChecks.map((one) => one.clusterName)).toEqual(["kuma:envoy:admin", "inbound:127.0.0.1:8080"]);
    expect(inbounds()).toEqual([
      ["NotReady", false],
      ["Ready", false],
    ]);
    const report = (application: HealthStatus) =>
      client.report({ "kuma:envoy:admin": HealthStatus.HEALTHY, "inbound:127.0.0.1:8080": application });
    report(HealthStatus.HEALTHY);
    await eventually(() => inbounds()[0]![0] === "Ready");
    expect(inbounds()).toEqual([
      ["Ready", true],
      ["Ready", false],
    ]);
    report(HealthStatus.TIMEOUT);
    await eventually(() => inbounds()[0]![0] === "NotReady");
    expect(inbounds()).toEqual([
      ["NotReady", false],
      ["Ready", false],
    ]);
  });

  test("a draining Envoy makes every inbound not ready", async () => {
    const header = bearer(await token("dataplane", {}));
    ads(header).start(envoyNode(probed));
    await eventually(() => store.get("Dataplane", "default", "web-1"));
    const client = hds(header).start(envoyNode(probed));
    await eventually(() => client.responses[0]);
    client.report({ "kuma:envoy:admin": HealthStatus.UNHEALTHY, "inbound:127.0.0.1:8080": HealthStatus.HEALTHY });
    await eventually(() => inbounds().every(([state]) => state === "NotReady"));
    client.report({ "kuma:envoy:admin": HealthStatus.HEALTHY, "inbound:127.0.0.1:8080": HealthStatus.HEALTHY });
    await eventually(() => inbounds().every(([state, ready]) => state === "Ready" && ready));
  });

  test("a dataplane that is changed while it is connected is checked anew", async () => {
    await store.put(draft(dataplane("web-1")));
    const header = bearer(await token("dataplane", {}));
    const client = hds(header).start(envoyNode(dataplane("web-1"), { brought: false }));
    await eventually(() => client.responses.length === 1);
    await store.put(draft(probed));
    const specifier = await eventually(() => client.responses[1]);
    expect(specifier.clusterHealthChecks).toHaveLength(2);
  });
});
