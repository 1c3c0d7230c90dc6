import { request as requestHttps } from "node:https";
import type { EmbeddedLog } from "@atoll/event-log";
import type { ZoneReplica } from "@atoll/replica";
import { selfSignedPair } from "@atoll/testkit";
import { SealingKey, sealSecret } from "@atoll/secret";
import {
  createSigningKey,
  issueToken,
  publicKeyPem,
  readSigningKey,
  resourceKeys,
  resourceRevocations,
  type IssueOptions,
} from "@atoll/token";
import { SnapshotCache } from "@atoll/xds";
import { afterEach, beforeAll, beforeEach } from "vitest";
import { createTokenVerifier, DpServer, ProxyLifecycle, type DpServerOptions } from "../src/index.ts";
import { Config, lifecycleOptions, openZone, quiet } from "./fixtures.ts";
import { AdsClient, HdsClient, type ServerAddress } from "./proxy-client.ts";

// One dataplane server for each test of the files that import this, with what its proxies connect by.
export const pair = selfSignedPair();
export const ring = { zone: SealingKey.generate() };
export const hourMs = 3_600_000;
export let signingKeys: { dataplane: string; zone: string };

export let config: Config;
export let log: EmbeddedLog;
export let store: ZoneReplica;
export let server: DpServer;
let address: ServerAddress;
export let cache: SnapshotCache;
export let connected: string[];
export let refs: Record<string, Parameters<DpServerOptions["compiler"]["connect"]>[1]>;
const clients: { close(): void }[] = [];

beforeAll(async () => {
  const [dataplaneKey, zoneKey] = await Promise.all([createSigningKey(), createSigningKey()]);
  signingKeys = { dataplane: dataplaneKey, zone: zoneKey };
});

export const token = <K extends "dataplane" | "zone">(
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

export async function open(publishAfterMs = 40, more: Partial<DpServerOptions> = {}): Promise<void> {
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
    ...more,
  });
  clients.push({ close: () => lifecycle.close() });
  address = { port: server.port, caPem: pair.certificatePem };
}

/** The same server, with another patience or other options. */
export async function reopen(publishAfterMs: number, more?: Partial<DpServerOptions>): Promise<void> {
  await server.close();
  await open(publishAfterMs, more);
}

export const postTo = (path: string, body: object, credential: string) =>
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

export const bearer = (value: string): [string, string][] => [["authorization", value]];
export const ads = (headers: [string, string][]) => {
  const client = new AdsClient(address, headers);
  clients.push(client);
  return client;
};
export const hds = (headers: [string, string][]) => {
  const client = new HdsClient(address, headers);
  clients.push(client);
  return client;
};
