import { readDuration } from "./wait.ts";
import { CtlError } from "./ctl-error.ts";
import type { StageAnswer } from "@atoll/rest-answers";

export interface StageFlags {
  stages?: string;
  rollout?: string;
  minTime?: string;
  maxErrors?: string[];
  onFailure?: string;
}

/** `east:20%,east,west+north`: stages after each other; zones of one stage joined by +; a share of the proxies after a colon. */
export function readStages({ stages = "", minTime, maxErrors = [] }: StageFlags): StageAnswer[] {
  if (minTime !== undefined) readDuration("min-time", minTime);
  const errors = maxErrors.map(readLimit);
  const gate = { ...(minTime !== undefined && { minTime }), ...(errors.length > 0 && { errors }) };
  return stages.split(",").map((text) => {
    const [zones = "", share, ...more] = text.split(":");
    const percent = share === undefined ? undefined : /^(\d+(?:\.\d+)?)%?$/.exec(share)?.[1];
    const names = zones.split("+");
    if (more.length > 0 || names.includes("") || (share !== undefined && percent === undefined))
      throw new CtlError(
        `invalid argument ${JSON.stringify(stages)} for "--stages" flag: ${JSON.stringify(text)} is not zone[+zone...][:share%]`,
      );
    return { zones: names, ...(percent !== undefined && { share: Number(percent) }), ...(Object.keys(gate).length > 0 && { gate }) };
  });
}

function readLimit(text: string): { cluster: string; maxPercent: number } {
  const [, cluster, percent] = /^(.+)=(\d+(?:\.\d+)?)%?$/.exec(text) ?? [];
  if (cluster === undefined)
    throw new CtlError(`invalid argument ${JSON.stringify(text)} for "--max-errors" flag: it is not cluster=percent`);
  return { cluster, maxPercent: Number(percent) };
}
