import type { KeyString } from "@atoll/resource";
import type { ApiContext } from "./api-context.ts";
import { revisionHeader } from "./api-context.ts";
import { heldIn } from "./rollouts/held-zones.ts";
import { waitedFor, whenApplied } from "./applied-revisions.ts";

/**
 * Headers of an answer to a write, and warnings; with `waitMs`, after the proxies have acknowledged it or that time is up. `held`: zones that do
 * not take it, by whose decision.
 */
export async function afterWrite(
  { options }: ApiContext,
  waitMs: number | undefined,
  { revision, changed }: { revision: number; changed: readonly KeyString[] },
): Promise<{ headers: Record<string, string>; warnings: string[]; held: string[] }> {
  const headers = revisionHeader(revision);
  const held = [...heldIn(options.config, { revision, changed })].map(([zone, why]) => `zone ${zone} does not take it: ${why}`);
  if (waitMs === undefined || options.proxies === undefined) return { headers, warnings: [], held };
  const status = await whenApplied(options.proxies, revision, waitMs);
  const waited = waitedFor(status);
  return { headers: { ...headers, ...waited.headers }, warnings: waited.warnings, held };
}
