import type { EnvoyResourceChange } from "@atoll/resource";
import { effectTexts, type FleetChanges, proxyName, shortKey } from "@atoll/rest-answers";
import type { ApiAnswer } from "./client.ts";
import type { Io } from "./io.ts";
import { print } from "./output.ts";
import { changedLines, signs } from "./changed-lines.ts";

/** What asks for everything that a change would do. */
export const serverDryRun = "dry_run=true&proxies=true";

/** How long an answer may take beyond the usual: every view of every zone is built. */
export const fleetWaitMs = 60_000;

/** The answer to a change set that was only tried. */
export function sayForetold({ text }: ApiAnswer, output: string, io: Io): void {
  const answer = JSON.parse(text) as { changed: string[]; warnings?: string[]; fleet?: FleetChanges };
  for (const warning of answer.warnings ?? []) io.err(`Warning: ${warning}\n`);
  if (output !== "lines") return print(io, output, answer, () => "");
  io.out(answer.changed.length === 0 ? "nothing would change\n" : answer.changed.map((key) => `  ${shortKey(key)}\n`).join(""));
  io.out(fleetText(answer.fleet));
}

const mostNamed = 5;
const mostLines = 40;

/** How many proxies of which zone differ, and each difference once, with who has it. */
export function fleetText(fleet: FleetChanges | undefined): string {
  if (fleet === undefined) return "";
  const zones = Object.entries(fleet.zones).map(([zone, answer]) => zoneText(zone, answer));
  const unbuilt = fleet.unbuilt.map((one) => `! ${proxyName(one)} can not be built and keeps what it has: ${one.reason}\n`);
  return [...zones, ...fleet.groups.map(groupText), ...unbuilt].join("");
}

function zoneText(zone: string, answer: FleetChanges["zones"][string]): string {
  if ("error" in answer) return `zone ${zone}: not known: ${answer.error}\n`;
  const missing = (answer.missing ?? []).map((reason) => `zone ${zone}: an xDS server does not tell: ${reason}\n`);
  return `zone ${zone}: ${answer.changed} of ${answer.proxies} proxies change\n${missing.join("")}`;
}

function groupText({ proxies, resources, effects }: FleetChanges["groups"][number]): string {
  const named = proxies.slice(0, mostNamed).map(proxyName).join(", ");
  const more = proxies.length > mostNamed ? ` and ${proxies.length - mostNamed} more` : "";
  return `\n${named}${more}\n${effectTexts(effects)
    .map((line) => `  ! ${line}\n`)
    .join("")}${resources.map(resourceText).join("")}`;
}

function resourceText({ type, name, change, before, after }: EnvoyResourceChange): string {
  const lines = change === "deleted" ? [] : changedLines(before, after);
  const shown = lines.slice(0, mostLines).map((line) => `      ${line}\n`);
  const rest = lines.length > mostLines ? [`      and ${lines.length - mostLines} more lines (-o json has them)\n`] : [];
  return `  ${signs[change]} ${type} ${name}\n${[...shown, ...rest].join("")}`;
}
