import type { FleetAnswer, FleetQuestion } from "@atoll/resource";
import type { FleetChanges } from "@atoll/rest-answers";
import { type AccessRules, defaultAccess, requirePermission } from "../access.ts";
import type { ApiContext } from "../api-context.ts";
import { type Call, readFlag } from "../call.ts";
import { ApiError } from "../problem.ts";

/** Whether a request wants the proxies too: `?proxies=true`. What Envoys hold is for who may see it. */
export function wantsProxies({ options }: ApiContext, call: Call): boolean {
  if (!readFlag(call, "proxies")) return false;
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
