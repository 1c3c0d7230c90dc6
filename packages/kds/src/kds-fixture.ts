import { EmbeddedLog, topics } from "@atoll/event-log";
import { SealingKey } from "@atoll/secret";
import { selfSignedPair } from "@atoll/testkit";
import { globalAccess } from "./access-policy.ts";
import { connectZone } from "./connect-zone.ts";
import type { ZoneConnectionOptions } from "./connect-zone.ts";
import type { TokenVerdict } from "./gatekeeper.ts";
import { startKdsServer } from "./kds-server.ts";
import type { KdsServerOptions } from "./kds-server.ts";
import type { Refusal } from "./refusal.ts";

const { certificatePem, privateKeyPem } = selfSignedPair();
export const tls = { certificate: certificatePem, key: privateKeyPem };
export const sealingKey = SealingKey.generate();

/** A global with tokens that are plain words, on a free port. */
export async function startGlobal(options: Partial<KdsServerOptions> = {}) {
  const log = await EmbeddedLog.open({ path: ":memory:" });
  await log.ensureTopic({ name: topics.config, cleanup: "keep" });
  const verdicts = new Map<string, TokenVerdict>([
    ["east-token", { zone: "east" }],
    ["west-token", { zone: "west" }],
    ["old-token", { error: "the token is expired" }],
    ["early-token", { error: "the keys are not here yet", canRetry: true }],
    ["any-zone-token", { zone: "" }],
  ]);
  const progress = { revision: 0, checksum: "" };
  const server = await startKdsServer({
    host: "127.0.0.1",
    port: 0,
    tls,
    log,
    allows: globalAccess,
    verify: async (token) => verdicts.get(token) ?? { error: "the token's signature is not valid" },
    isInternal: (authorization) => authorization === "Bearer internal",
    version: "0.3.0",
    instanceId: "global-1",
    clusterId: () => "cluster-1",
    sealingKey: () => sealingKey,
    progress: () => progress,
    heartbeatIntervalMs: 20_000,
    ...options,
  });
  return { log, server, verdicts, progress, close: () => server.close().then(() => log.close()) };
}

/** A zone that keeps what it was told. */
export function joinGlobal(port: number, options: Partial<ZoneConnectionOptions> = {}) {
  const refusals: Refusal[] = [];
  const disconnections: Refusal[] = [];
  const progress = { revision: 0, checksum: "" };
  let told = (): void => {};
  const note = (): void => told();
  const connection = connectZone({
    addresses: [`grpcs://127.0.0.1:${port}`],
    tls: { ca: tls.certificate },
    token: () => "east-token",
    zone: "east",
    version: "0.3.1",
    progress: () => progress,
    ...options,
    onRefused: (refusal) => (refusals.push(refusal), note()),
    onDisconnected: (refusal) => (disconnections.push(refusal), note()),
    onHeartbeat: (heartbeat) => (options.onHeartbeat?.(heartbeat), note()),
    onAlarm: (alarm) => (options.onAlarm?.(alarm), note()),
  });
  /** Waits for events until one of them makes the condition true. */
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise<void>((resolve) => (told = resolve));
  };
  return { connection, refusals, disconnections, progress, until };
}
