import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import {
  archiveFileLines,
  ArchiveError,
  archiveLines,
  checkArchive,
  LogInUseError,
  restoreArchive,
  topics,
  type ArchiveSummary,
  type MirrorLog,
} from "@atoll/event-log";
import { openRelay } from "@atoll/kds";
import { ConfigReplica } from "@atoll/replica";
import { expandPath, kafkaConnection, type Logger } from "@atoll/runtime";
import { ledgerTopic } from "@atoll/token";
import { deriveServiceBearer, loadSealingKey } from "@atoll/secret";
import { openLog } from "./open-log.ts";
import type { GlobalSettings } from "./settings.ts";

/**
 * Writes everything that global's log holds into a file, gzipped if its name ends so. A running global goes on: an embedded log is then
 * read through its relay. Snapshots are left out, as they can be made again. @throws ArchiveError, LogError
 */
export async function exportLog(settings: GlobalSettings, file: string, log: Logger): Promise<ArchiveSummary> {
  const source = await openSource(settings, log);
  const partial = file.replace(/(\.gz)?$/, ".partial$1");
  try {
    const config = await ConfigReplica.open({ log: source });
    const zones = config.list("Zone").map(({ name }) => name);
    await config.close();
    const names = [topics.config, ledgerTopic, ...zones.flatMap((zone) => [topics.zone(zone), topics.inventory(zone)])];
    const output = createWriteStream(partial, { mode: 0o600, flush: true });
    const lines = Readable.from(archiveLines(source, names, new Date()));
    await (file.endsWith(".gz") ? pipeline(lines, createGzip(), output) : pipeline(lines, output));
    if (!output.closed) await once(output, "close");
    // What can't be read back is no backup.
    const summary = await checkArchive(archiveFileLines(partial));
    renameSync(partial, file);
    return summary;
  } finally {
    rmSync(partial, { force: true });
    await source.close();
  }
}

/** Puts such a file into the log of the settings, which must be empty. Nothing is written unless the file is whole. @throws ArchiveError, LogError */
export async function importLog(settings: GlobalSettings, file: string, log: Logger): Promise<ArchiveSummary> {
  if (!existsSync(file)) throw new ArchiveError(`${file} does not exist`);
  const summary = await checkArchive(archiveFileLines(file));
  const workDir = expandPath(settings.general.workDir);
  mkdirSync(workDir, { recursive: true });
  const target = await openLog(settings.log, workDir, log);
  try {
    for (const topic of summary.topics)
      if ((await target.head(topic)) > 0) throw new ArchiveError(`topic ${topic} has records already: an archive goes into an empty log`);
    // Kafka gives offsets and identity of its own; what zones wrote, they copy there anew.
    const isKafka = kafkaConnection(settings.log.kafka) !== undefined;
    await restoreArchive(archiveFileLines(file), target, { asCopy: !isKafka });
    return summary;
  } finally {
    await target.close();
  }
}

/** The log of the settings, or the way to it through the global that has it open. */
async function openSource(settings: GlobalSettings, log: Logger): Promise<MirrorLog> {
  const workDir = expandPath(settings.general.workDir);
  const isEmbedded = kafkaConnection(settings.log.kafka) === undefined;
  if (isEmbedded && !existsSync(join(workDir, "log.sqlite"))) throw new ArchiveError(`there is no log in ${workDir}`);
  try {
    return await openLog(settings.log, workDir, log);
  } catch (error) {
    if (!(error instanceof LogInUseError)) throw error;
  }
  const key = await loadSealingKey(join(workDir, "global.key"), { create: false });
  const { grpcPort, tlsCertFile = settings.general.tlsCertFile ?? join(workDir, "tls.crt") } = settings.multizone.global.kds;
  const tls = { ca: readFileSync(expandPath(tlsCertFile), "utf8") };
  return openRelay({ address: `grpcs://localhost:${grpcPort}`, tls, token: () => deriveServiceBearer(key) });
}
