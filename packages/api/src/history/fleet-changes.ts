import type { EnvoyResourceChange, FleetAnswer, FleetProxy, FleetQuestion, ProxyEffects } from "@atoll/resource";
import { type AccessRules, defaultAccess, requirePermission } from "../access.ts";
import type { ApiContext } from "../api-context.ts";
import type { Call } from "../call.ts";
import { ApiError, badRequest } from "../problem.ts";

type ZonedProxy = FleetProxy & { zone: string };

/** How the connected proxies of all zones differ between two states of the configuration. */
export interface FleetChanges {
  /** By zone: how many of its proxies were looked at, and how many differ; or why nobody could tell. */
  zones: Record<string, { proxies: number; changed: number; missing?: string[] } | { error: string }>;
  /** Most proxies first. Those of a group change in the same way, to the byte. */
  groups: { proxies: ZonedProxy[]; resources: EnvoyResourceChange[]; effects: ProxyEffects }[];
  unbuilt: (ZonedProxy & { reason: string })[];
}

/** Whether a request wants the proxies too: `?proxies=true`. What Envoys hold is for who may see it. */
export function wantsProxies({ options }: ApiContext, call: Call): boolean {
  const text = call.query.get("proxies") ?? "false";
  if (text !== "true" && text !== "false") throw badRequest("query parameter proxies: must be true or false");
  if (text === "false") return false;
  const permission: keyof AccessRules = "viewConfigDump";
  requirePermission((options.settings.access ?? defaultAccess)[permission], call.user, "envoy proxy info");
  return true;
}

/** Asks every zone at once. One that cannot tell does not keep the others from telling. */
export async function fleetChanges({ options }: ApiContext, question: FleetQuestion): Promise<FleetChanges> {
  const { proxies, settings, zones } = options;
  const fleet = proxies?.fleet?.bind(proxies);
  if (fleet === undefined) throw new ApiError({ status: 503, title: "Service unavailable", detail: "this process sees no proxies" });
  const names = settings.mode === "zone" ? [settings.zone ?? ""] : (zones?.names() ?? []);
  const answers = await Promise.all(
    names.map(async (zone): Promise<[string, FleetAnswer | { error: string }]> => {
      try {
        return [zone, await fleet(zone, question)];
      } catch (error) {
        return [zone, { error: error instanceof Error ? error.message : String(error) }];
      }
    }),
  );
  const given = answers.flatMap(([zone, answer]) => ("error" in answer ? [] : [{ zone, answer }]));
  const groups = new Map<string, FleetChanges["groups"][number]>();
  for (const { zone, answer } of given) {
    for (const { key, proxies: of, resources, effects } of answer.groups) {
      const zoned = of.map((proxy) => ({ zone, ...proxy }));
      const known = groups.get(key);
      if (known) known.proxies.push(...zoned);
      else groups.set(key, { proxies: zoned, resources, effects });
    }
  }
  return {
    zones: Object.fromEntries(answers.map(([zone, answer]) => [zone, "error" in answer ? answer : summaryOf(answer)])),
    groups: [...groups.values()].toSorted((a, b) => b.proxies.length - a.proxies.length),
    unbuilt: given.flatMap(({ zone, answer }) => answer.unbuilt.map((one) => ({ zone, ...one }))),
  };
}

const summaryOf = ({ proxies, groups, missing }: FleetAnswer) => ({
  proxies,
  changed: groups.reduce((sum, group) => sum + group.proxies.length, 0),
  ...(missing && { missing }),
});
