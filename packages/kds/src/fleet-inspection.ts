import type { FleetAnswer, FleetGroup, FleetQuestion } from "@atoll/resource";
import { QueryError } from "./proxy-query.ts";
import type { ZoneSession } from "./zone-session.ts";

/**
 * Asks every connected xDS server of the zone about the proxies that it serves. Rejects with `QueryError` if none answers; of one that
 * does not, `missing` says why.
 */
export async function fleetThrough(sessions: readonly ZoneSession[], zone: string, question: FleetQuestion): Promise<FleetAnswer> {
  if (sessions.length === 0) throw new QueryError("offline", `zone ${zone} has no xDS server`);
  const answers = await Promise.allSettled(sessions.map((session) => session.query({ subject: "fleet", question })));
  const failed = answers.flatMap((one) => (one.status === "rejected" ? [one.reason as Error] : []));
  if (failed.length === answers.length) throw failed[0]!;
  const given = answers.flatMap((one) =>
    one.status === "fulfilled" ? [JSON.parse(new TextDecoder().decode(one.value)) as FleetAnswer] : [],
  );
  return { ...merged(given), ...(failed.length > 0 && { missing: failed.map(({ message }) => message) }) };
}

/** Equal changes are one, whoever serves the proxies. */
function merged(answers: readonly FleetAnswer[]): FleetAnswer {
  const groups = new Map<string, FleetGroup>();
  for (const group of answers.flatMap((answer) => answer.groups)) {
    const known = groups.get(group.key);
    groups.set(group.key, known ? { ...known, proxies: [...known.proxies, ...group.proxies] } : group);
  }
  return {
    revision: Math.min(...answers.map(({ revision }) => revision)),
    proxies: answers.reduce((sum, { proxies }) => sum + proxies, 0),
    groups: [...groups.values()],
    unbuilt: answers.flatMap(({ unbuilt }) => unbuilt),
  };
}
