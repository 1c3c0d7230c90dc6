import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { EventLog } from "@atoll/event-log";
import { joinSyncService, openRelay } from "@atoll/kds";
import {
  expandPath,
  kafkaConnection,
  type Lifecycle,
  type Logger,
  tokenSource,
  version,
  watchTokenFile,
  type Diagnostics,
} from "@atoll/runtime";
import { deriveServiceBearer, type KeyRing, loadSealingKey } from "@atoll/secret";
import type { KubernetesSettings } from "./settings.ts";

/** A log that is followed, how Secrets of it are opened, and what this service shows to the REST API beside it. */
export interface LogConnection {
  readonly log: EventLog;
  readonly ring: KeyRing;
  readonly bearer: () => string;
}

interface Context {
  readonly settings: KubernetesSettings;
  readonly zone: string;
  readonly instanceId: string;
  readonly progress: () => { revision: number; checksum: string };
  readonly diagnostics: Diagnostics;
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
}

/** The zone's logs, through its sync service: this process is one of the zone's own, as its xDS servers are. */
export async function connectToZone({
  settings,
  zone,
  instanceId,
  progress,
  diagnostics,
  lifecycle,
  log,
}: Context): Promise<LogConnection> {
  const token = tokenSource(settings.multizone.zone, "multizone.zone.token");
  const { address, rootCaFile, tlsSkipVerify } = settings.zone;
  const { connection, ring, notice } = joinSyncService({
    self: "service",
    log,
    addresses: address.split(","),
    tls: { ...(rootCaFile !== undefined && { ca: readFileSync(expandPath(rootCaFile), "utf8") }), skipVerify: tlsSkipVerify },
    token,
    zone,
    version: version.kuma,
    instanceId,
    progress,
  });
  diagnostics.checks.push(() => notice.because);
  lifecycle.add("connection", connection);
  lifecycle.add(
    "token file",
    watchTokenFile(settings.multizone.zone, () => connection.reconnect()),
  );
  await Promise.race([connection.registered, notice.refused]);
  return { log: connection.log, ring, bearer: token };
}

/** Global's log: in Kafka, or through global, which knows its services by the key that they share with it. */
export async function connectToGlobal({ settings, lifecycle }: Pick<Context, "settings" | "lifecycle">): Promise<LogConnection> {
  const workDir = expandPath(settings.general.workDir);
  const global = await loadSealingKey(join(workDir, "global.key"), { create: false });
  const zone = await loadSealingKey(join(workDir, "zone.key"), { create: false });
  const bearer = () => deriveServiceBearer(global);
  const kafka = kafkaConnection(settings.log.kafka);
  if (kafka) {
    const log = lifecycle.add("log", new (await import("@atoll/event-log/kafka")).KafkaLog(kafka));
    return { log, ring: { global, zone }, bearer };
  }
  const { address, rootCaFile, tlsSkipVerify } = settings.global;
  const authority = () => readFileSync(rootCaFile === undefined ? join(workDir, "tls.crt") : expandPath(rootCaFile), "utf8");
  const tls = { ...(tlsSkipVerify ? {} : { ca: authority() }), skipVerify: tlsSkipVerify };
  return { log: lifecycle.add("log", openRelay({ address, tls, token: bearer })), ring: { global, zone }, bearer };
}
