import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AdsServer, SnapshotCache, StatusError } from "../src/index.ts";
import type { AdsHooks } from "../src/index.ts";
import { CDS, EDS, LDS, RDS, cluster, endpoints, listener, route, snapshot } from "./fixtures.ts";
import { until } from "./wait.ts";
import { WireClient } from "./wire-client.ts";

const node = { id: "node" };
const first = snapshot(1, cluster("a"), endpoints("a", 1), listener("web", 80), route("web", "a"));
const second = snapshot(2, cluster("b"), endpoints("b", 1), listener("web", 80), route("web", "b"), listener("bad", 0), route("bad", "b"));
const third = snapshot(3, cluster("b"), endpoints("b", 1), listener("web", 80), route("web", "b"));
const refusal = "Error adding/updating listener(s) bad: cannot bind 127.0.0.1:0\n";

let cache: SnapshotCache;
let server: Server;
let ads: AdsServer;
let port: number;
let log: string[];
let hooks: AdsHooks;
const clients: WireClient[] = [];

beforeEach(async () => {
  cache = new SnapshotCache();
  // Each server keeps its own list: the streams of the one before may still be closing.
  const lines: string[] = [];
  log = lines;
  hooks = {
    onStreamOpen: (stream) => lines.push(`open ${stream.metadata.get("authorization").join()}`),
    onNode: async ({ id }, metadata) => {
      if (metadata.get("authorization")[0] === "wrong") throw new StatusError(status.UNAUTHENTICATED, "authentication failed: wrong token");
      if (metadata.get("authorization")[0] === "broken") throw new Error("secret detail");
      return { nodeId: id };
    },
    onReady: async ({ nodeId }) => void lines.push(`ready ${nodeId}`),
    onNack: ({ nodeId, typeUrl, revision, rejected }) =>
      lines.push(`nack ${nodeId} ${typeUrl.split(".").at(-1)} ${revision} ${rejected.map(({ name }) => name).join()}`),
    onApplied: (nodeId, revision) => lines.push(`applied ${nodeId} ${revision}`),
    onStreamClosed: ({ nodeId }) => lines.push(`closed ${nodeId}`),
    onError: (error) => lines.push(`error ${String(error)}`),
  };
  server = new Server();
  ads = new AdsServer({ cache, identifier: "cp-1", hooks, oneStreamPerNode: true, patienceMs: 60_000 });
  ads.register(server);
  port = await new Promise((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
});

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  server.forceShutdown();
});

function connect(protocol: "delta" | "sotw", headers?: Record<string, string>): WireClient {
  const client = new WireClient(port, protocol, headers);
  clients.push(client);
  return client;
}

const applied = (revision: number) => until(() => cache.ackedRevision("node") === revision, `revision ${revision} is applied`);

describe("transcripts", () => {
  it("delta", async () => {
    cache.set("node", first);
    const client = connect("delta");
    client.delta({ node, typeUrl: CDS });
    const clusters = await client.next();
    client.delta({ typeUrl: EDS, resourceNamesSubscribe: ["a"] });
    client.delta({ typeUrl: CDS, responseNonce: clusters.nonce });
    await client.accept();
    client.delta({ typeUrl: LDS });
    await client.accept();
    client.delta({ typeUrl: RDS, resourceNamesSubscribe: ["web"] });
    await client.accept();
    await applied(1);
    client.transcript.push("# a cluster replaces another, and a listener is refused");
    cache.set("node", second);
    const added = await client.next();
    client.delta({ typeUrl: EDS, resourceNamesSubscribe: ["b"] });
    client.delta({ typeUrl: CDS, responseNonce: added.nonce });
    await client.accept();
    await client.refuse(refusal);
    await client.accept();
    await client.accept();
    client.delta({ typeUrl: EDS, resourceNamesUnsubscribe: ["a"] });
    await client.accept();
    await until(() => log.includes("nack node Listener 2 bad"), "the refusal is known");
    expect(cache.ackedRevision("node")).toBe(1);
    client.transcript.push("# the refused listener is gone");
    cache.set("node", third);
    await applied(3);
    expect(log).toEqual(["open ", "ready node", "applied node 1", "nack node Listener 2 bad", "applied node 3"]);
    await expect(`${client.transcript.join("\n")}\n`).toMatchFileSnapshot("../testdata/out/delta.txt");
  });

  it("sotw", async () => {
    cache.set("node", first);
    const client = connect("sotw");
    client.sotw({ node, typeUrl: CDS });
    const clusters = await client.next();
    client.sotw({ typeUrl: EDS, resourceNames: ["a"] });
    client.sotw({ typeUrl: CDS, responseNonce: clusters.nonce });
    await client.accept(["a"]);
    client.sotw({ typeUrl: LDS });
    await client.accept();
    client.sotw({ typeUrl: RDS, resourceNames: ["web"] });
    await client.accept(["web"]);
    await applied(1);
    client.transcript.push("# a cluster replaces another, and a listener is refused");
    cache.set("node", second);
    const added = await client.next();
    client.sotw({ typeUrl: EDS, resourceNames: ["a", "b"], responseNonce: "2" });
    client.sotw({ typeUrl: CDS, responseNonce: added.nonce });
    await client.accept(["a", "b"]);
    await client.refuse(refusal);
    await client.accept(["web"]);
    await client.accept();
    await until(() => log.includes("nack node Listener 2 bad"), "the refusal is known");
    expect(cache.ackedRevision("node")).toBe(1);
    client.transcript.push("# the refused listener is gone");
    cache.set("node", third);
    await applied(3);
    expect(log).toEqual(["open ", "ready node", "applied node 1", "nack node Listener 2 bad", "applied node 3"]);
    await expect(`${client.transcript.join("\n")}\n`).toMatchFileSnapshot("../testdata/out/sotw.txt");
  });
});

describe.each(["delta", "sotw"] as const)("a %s stream", (protocol) => {
  const ended = async (client: WireClient) => {
    await until(() => client.error, "the stream has ended");
    return [client.error?.code, client.error?.details];
  };
  const send = (client: WireClient, request: { typeUrl?: string; node?: { id: string } }) => client[protocol](request);

  it("needs a node in its first request", async () => {
    const client = connect(protocol);
    send(client, { typeUrl: CDS });
    expect(await ended(client)).toEqual([status.INVALID_ARGUMENT, "the first request of a stream must carry the node"]);
    await until(() => log.includes("closed undefined"), "the stream is closed");
  });

  it("cannot change its node", async () => {
    cache.set("node", first);
    const client = connect(protocol);
    send(client, { node, typeUrl: CDS });
    await client.next();
    send(client, { node: { id: "other" }, typeUrl: CDS });
    expect(await ended(client)).toEqual([status.INVALID_ARGUMENT, 'the node id changed from "node" to "other" on one stream']);
  });

  it("needs a type", async () => {
    const client = connect(protocol);
    send(client, { node });
    expect(await ended(client)).toEqual([status.INVALID_ARGUMENT, "type_url is required on an aggregated stream"]);
  });

  it("gets nothing before it is known, and hears why it is refused", async () => {
    cache.set("node", first);
    const client = connect(protocol, { authorization: "wrong" });
    send(client, { node, typeUrl: CDS });
    expect(await ended(client)).toEqual([status.UNAUTHENTICATED, "authentication failed: wrong token"]);
    expect(client.responses).toEqual([]);
  });

  it("does not hear the text of an unforeseen error", async () => {
    const client = connect(protocol, { authorization: "broken" });
    send(client, { node, typeUrl: CDS });
    expect(await ended(client)).toEqual([status.INTERNAL, "internal error"]);
    expect(log).toContain("error Error: secret detail");
  });

  it("is the only one of its node until it ends", async () => {
    cache.set("node", first);
    const holder = connect(protocol);
    send(holder, { node, typeUrl: CDS });
    await holder.next();
    const late = connect(protocol);
    send(late, { node, typeUrl: CDS });
    expect(await ended(late)).toEqual([status.UNAVAILABLE, "there is already an active stream from this node, try again later"]);
    expect(ads.isConnected("node")).toBe(true);
    holder.hangUp();
    await until(() => log.includes("closed node"), "the first stream is closed");
    expect(ads.isConnected("node")).toBe(false);
    const next = connect(protocol);
    send(next, { node, typeUrl: CDS });
    await next.next();
    expect(log.filter((line) => line === "ready node")).toHaveLength(2);
  });

  it("reads what came while it was being identified", async () => {
    cache.set("node", first);
    let admit = (): void => undefined;
    hooks.onNode = ({ id }) => new Promise((resolve) => (admit = () => resolve({ nodeId: id })));
    const client = connect(protocol);
    send(client, { node, typeUrl: CDS });
    send(client, { typeUrl: LDS });
    await until(() => log.length > 0, "the stream is open");
    await until(() => (admit(), client.responses.length === 1), "clusters are sent");
    await client.accept();
    expect((await client.next()).typeUrl).toBe(LDS);
  });

  it("can be ended by the server", async () => {
    cache.set("node", first);
    const client = connect(protocol);
    send(client, { node, typeUrl: CDS });
    await client.next();
    expect(ads.report()).toMatchObject([{ nodeId: "node", protocol, types: [{ typeUrl: CDS, wildcard: true, unanswered: true }] }]);
    ads.disconnect("node", new StatusError(status.PERMISSION_DENIED, "the token was revoked"));
    expect(await ended(client)).toEqual([status.PERMISSION_DENIED, "the token was revoked"]);
    expect(log.filter((line) => line.startsWith("closed"))).toEqual(["closed node"]);
  });
});
