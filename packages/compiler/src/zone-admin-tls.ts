import { createAdminTls, type AdminTls } from "@atoll/certificate";
import type { SealingKey } from "@atoll/secret";
import { adminClientName } from "@atoll/view";

/** Mutual TLS with the admin listeners of a zone's Envoys: the same CA for everybody who holds the zone's key. */
export const zoneAdminTls = (zoneKey: SealingKey, zone: string, nowMs: number): Promise<AdminTls> =>
  createAdminTls({ seed: zoneKey.deriveBytes(`envoy-admin/${zone}`), zone, clientName: adminClientName, nowMs });
