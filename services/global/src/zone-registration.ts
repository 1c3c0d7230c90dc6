import { randomUUID } from "node:crypto";
import type { ConfigReplica } from "@atoll/replica";
import { keyString } from "@atoll/resource";

/** A zone that registers is there from then on, enabled, as a resource that its operators see. */
export async function ensureZone(config: ConfigReplica, zone: string): Promise<void> {
  if (config.get("Zone", "", zone) !== undefined) return;
  const key = { type: "Zone", mesh: "", name: zone };
  await config.submit({
    id: randomUUID(),
    at: new Date().toISOString(),
    author: `zone:${zone}`,
    reason: "the zone registered",
    changes: [{ op: "put", resource: { ...key, spec: { enabled: true } } }],
    expect: [{ key: keyString(key), revision: null }],
  });
}
