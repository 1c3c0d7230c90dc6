import { topics } from "@atoll/event-log";
import type { AccessPolicy, LogOperation } from "@atoll/event-log";
import type { KdsIdentity } from "./identity.ts";

/** Where the token issuer notes what it issued. */
const tokenLedger = "atoll.tokens";
const isReading = (operation: LogOperation): boolean => operation === "read" || operation === "describe";
const isShared = (topic: string): boolean => topic === topics.config || topic === topics.configSnapshots;
const isInventory = (topic: string): boolean => topic.startsWith(topics.inventory(""));

/**
 * Who may do what in global's log. A zone reads the configuration and every zone's inventory, and reads and writes its own topics. An
 * internal service reads everything and appends configuration.
 */
export const globalAccess: AccessPolicy<KdsIdentity> = (identity, operation, topic) => {
  if (identity.type === "internal") return isReading(operation) || ((isShared(topic) || topic === tokenLedger) && operation !== "mirror");
  if ([topics.zone(identity.zone), topics.inventory(identity.zone), topics.lease(identity.zone)].includes(topic)) return true;
  return isReading(operation) && (isShared(topic) || isInventory(topic));
};

/** Who may do what in a zone's log: the zone's other services read what the zone has, and write the zone's resources. */
export const zoneAccess =
  (zone: string): AccessPolicy<KdsIdentity> =>
  (identity, operation, topic) => {
    if (identity.type !== "zone" || identity.zone !== zone) return false;
    if (topic === topics.zone(zone)) return operation !== "mirror";
    return isReading(operation) && (isShared(topic) || isInventory(topic));
  };
