import { topics, type EventLog } from "@atoll/event-log";
import type { ResourceReader } from "@atoll/replica";
import type { ZoneCheckpoint } from "./zone-key.ts";

export interface ZoneFolder {
  workDir: string;
  checkpoint: ZoneCheckpoint | undefined;
  config: ResourceReader;
  log: Pick<EventLog, "head">;
}

/**
 * A zone's folder holds records of its own, which another zone would serve and publish as its own. Throws if it is not this zone's: by
 * the checkpoint, or by whose records the log has where an older version wrote it.
 */
export async function assertFolderOf(zone: string, { workDir, checkpoint, config, log }: ZoneFolder): Promise<void> {
  const owner = checkpoint?.zone ?? (await writerIn(log, config, zone));
  if (owner === undefined || owner === zone) return;
  throw new Error(
    `general.workDir: ${workDir} holds the records of zone "${owner}", and multizone.zone.name is "${zone}": ` +
      "give each zone a folder of its own",
  );
}

/** Of other zones a log has inventories only. */
async function writerIn(log: ZoneFolder["log"], config: ResourceReader, zone: string): Promise<string | undefined> {
  for (const { name } of config.list("Zone")) if (name !== zone && (await log.head(topics.zone(name))) > 0) return name;
  return undefined;
}
