import { request as requestHttps } from "node:https";
import { connect as connectTcp } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { status } from "@grpc/grpc-js";
import { isOnline } from "@atoll/resource";
import { eventually } from "@atoll/testkit";
import { sealSecret } from "@atoll/secret";
import { createSigningKey, dataplaneScope, signingKeyResources } from "@atoll/token";
import { describe, expect, test } from "vitest";
import { dataplane, envoyNode } from "./fixtures.ts";
import { pair, ring, config, store, server, cache, connected, refs, token, reopen, postTo, bearer, ads } from "./dp-server-bed.ts";

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

  test("it goes on when the key that signed its token is gone or another one, which refuses the next; a revocation ends it all the same", async () => {
    ads(bearer(await token("dataplane", {}, { jti: "of-old-key" }))).start(envoyNode(dataplane("web-1")));
    await eventually(() => connected.includes("default.web-1"));
    const keyName = "dataplane-token-signing-key-default-1";
    const key = config.get("TokenVerificationKey", "default", keyName)!;
    expect(server.tokenKeys()).toEqual({ [`Secret/default/${keyName}`]: 1 });
    config.putDraft(signingKeyResources(dataplaneScope("default"), "1", await createSigningKey())[1]);
    await server.endWithdrawn();
    config.delete("TokenVerificationKey", "default", keyName);
    await server.endWithdrawn();
    expect(connected).toEqual(["default.web-1"]);
    const next = ads(bearer(await token("dataplane", {}))).start(envoyNode(dataplane("web-2")));
    expect((await next.refused()).details).toContain("there is no signing key with KID 1");
    expect(server.report().map((stream) => stream.nodeId)).toEqual(["default.web-1"]);
    const spec = { data: Buffer.from("of-old-key").toString("base64") };
    config.putDraft(sealSecret(ring, { type: "Secret", mesh: "default", name: "dataplane-token-revocations-default", spec }));
    await server.endWithdrawn();
    await eventually(() => connected.length === 0);
    expect(server.tokenKeys()).toEqual({});
    config.putDraft(key);
  });

  test("it ends with the key that signed its token, if so decided", async () => {
    await reopen(40, { endStreamsOfDeletedKeys: true });
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
