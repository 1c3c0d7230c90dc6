import type { ApiContext } from "./api-context.ts";
import { revisionHeader } from "./api-context.ts";
import { waitedFor, whenApplied } from "./applied-revisions.ts";

/** Headers of an answer to a write, and warnings; with `waitMs`, after the proxies have acknowledged it or that time is up. */
export async function afterWrite(
  { options }: ApiContext,
  waitMs: number | undefined,
  revision: number,
): Promise<{ headers: Record<string, string>; warnings: string[] }> {
  const headers = revisionHeader(revision);
  if (waitMs === undefined || options.proxies === undefined) return { headers, warnings: [] };
  const status = await whenApplied(options.proxies, revision, waitMs);
  const waited = waitedFor(status);
  return { headers: { ...headers, ...waited.headers }, warnings: waited.warnings };
}
