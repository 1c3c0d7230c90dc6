import { QueryError, type ZoneQuery } from "./proxy-query.ts";
import type { ZoneSession } from "./zone-session.ts";

/** Asks one place after the other until one can answer. Rejects with the last `QueryError`. */
export async function inspectAnywhere(asks: readonly (() => Promise<Uint8Array>)[], zone: string): Promise<Uint8Array> {
  let last: unknown = new QueryError("offline", `zone ${zone} is offline`);
  for (const ask of asks) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      // That it is not connected in one place says less than what another one answers.
      if (error.code !== "offline" || !(last instanceof QueryError && last.code !== "offline")) last = error;
    }
  }
  throw last;
}

/** Asks the connected instances of a zone, oldest first, until one can answer. Rejects with `QueryError`. */
export async function inspectThrough(sessions: readonly ZoneSession[], zone: string, query: ZoneQuery): Promise<Uint8Array> {
  return inspectAnywhere(
    sessions.map((session) => () => session.query(query)),
    zone,
  );
}
