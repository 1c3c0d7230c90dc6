import { QueryError, type ProxyQuery } from "./proxy-query.ts";
import type { ZoneSession } from "./zone-session.ts";

/** Asks the connected instances of a zone, oldest first, until one can answer. Rejects with `QueryError`. */
export async function inspectThrough(sessions: readonly ZoneSession[], zone: string, query: ProxyQuery): Promise<Uint8Array> {
  let last: unknown = new QueryError("offline", `zone ${zone} is offline`);
  for (const session of sessions) {
    try {
      return await session.query(query);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
