import type { SealingKey } from "@atoll/secret";
import { connectZone, type ZoneConnection, type ZoneConnectionOptions } from "./connect-zone.ts";
import { RefusalNotice } from "./refusal-notice.ts";

export interface SyncServiceOptions extends Pick<
  ZoneConnectionOptions,
  "addresses" | "tls" | "token" | "zone" | "version" | "instanceId" | "progress" | "answer"
> {
  /** What this process calls itself, such as server. */
  self: string;
  /** What holds while there is no session, such as `proxies keep what they have`. */
  meanwhile?: string;
  log: { info(message: string): void; warn(fields: object, message: string): void; error(fields: object, message: string): void };
}

export interface SyncServiceConnection {
  connection: ZoneConnection;
  /** Filled at the first registration: opens the secrets that the zone may read. */
  ring: { zone?: SealingKey };
  notice: RefusalNotice;
}

/** Joins one of a zone's services to the zone's sync service, and tells its log how that goes. */
export function joinSyncService({ self, meanwhile, log, ...options }: SyncServiceOptions): SyncServiceConnection {
  const ring: SyncServiceConnection["ring"] = {};
  const notice = new RefusalNotice();
  const refuses = `the zone's sync service refuses this ${self}`;
  const connection = connectZone({
    ...options,
    onRegistered: ({ sealingKey }) => {
      notice.letIn();
      ring.zone = sealingKey ?? ring.zone;
      log.info("connected to the zone's sync service");
    },
    onDisconnected: ({ reason }, delayMs) =>
      log.warn({ reason, delayMs }, `no session with the zone's sync service${meanwhile === undefined ? "" : `; ${meanwhile}`}`),
    onRefused: ({ reason }) => {
      log.error({ reason }, refuses);
      notice.refuse(`${refuses}${meanwhile === undefined ? "" : `, whose ${meanwhile}`}: ${reason}`, new Error(`${refuses}: ${reason}`));
    },
  });
  return { connection, ring, notice };
}
