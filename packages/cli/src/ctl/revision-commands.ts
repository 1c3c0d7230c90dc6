import { type FleetChanges, type ResourceChange, type RevisionEntry, type RevisionStatus, shortKey } from "@atoll/rest-answers";
import type { Command } from "commander";
import type { ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import type { Io } from "./io.ts";
import { checkFormat, outputFlag, print } from "./output.ts";
import { renderTable } from "./table.ts";
import { changedLines, signs } from "./changed-lines.ts";
import { fleetText, fleetWaitMs, serverDryRun } from "./fleet-text.ts";
import { readDuration, waitFlags, waitQuery, type WaitFlags } from "./wait.ts";

/** What a log adds: who changed what and when, what differs, the way back, and waiting until Envoy has it. */
export function addRevisions(program: Command, inspect: Command, client: () => ApiClient, io: Io): void {
  // The older place of the command, kept for its users.
  for (const parent of [program, inspect]) addList(parent, client, io);
  addDiff(program, client, io);
  addRollback(program, client, io);
  addWait(program, client, io);
}

function addList(parent: Command, client: () => ApiClient, io: Io): void {
  parent
    .command("revisions")
    .description("The newest changes, accepted and rejected: revision, time, author, what, why (the last 100)")
    .option("--from <revision>", "first revision")
    .option("--to <revision>", "last revision")
    .option(...outputFlag)
    .action(async ({ from, to, output }: { from?: string; to?: string; output: string }) => {
      checkFormat(output);
      const query = new URLSearchParams({ ...(from && { from }), ...(to && { to }) }).toString();
      const page = await client().json<{ revision: number; items: RevisionEntry[] }>("GET", `/revisions${query && `?${query}`}`);
      print(io, output, page, ({ items }) => revisionTable(items));
    });
}

const revisionTable = (items: readonly RevisionEntry[]): string =>
  renderTable(
    ["REVISION", "TIME", "AUTHOR", "VERDICT", "CHANGES", "REASON"],
    items.map(({ revision, at, author, accepted, changes, reason = "" }) => [
      String(revision),
      at,
      author,
      accepted ? "accepted" : "rejected",
      summary(changes),
      reason,
    ]),
  );

const mostShown = 3;

function summary(changes: RevisionEntry["changes"]): string {
  const shown = changes.slice(0, mostShown).map(({ op, key }) => `${op} ${shortKey(key)}`);
  return shown.join(", ") + (changes.length > mostShown ? ` and ${changes.length - mostShown} more` : "");
}

function addDiff(program: Command, client: () => ApiClient, io: Io): void {
  program
    .command("diff <revision> [other]")
    .description("What differs between two revisions; without the second, between one and now")
    .option("--proxies", "also how the connected proxies of every zone differ, grouped by equal change")
    .option("-o, --output <format>", "lines, yaml or json", "lines")
    .action(async (from: string, to: string | undefined, { output, proxies }: { output: string; proxies?: true }) => {
      const query = new URLSearchParams({ from: revisionOf(from), ...(to && { to: revisionOf(to) }), ...(proxies && { proxies: "true" }) });
      const answer = await client().json<{ items: ResourceChange[]; fleet?: FleetChanges }>("GET", `/diff?${query}`, {
        waitMs: fleetWaitMs,
      });
      if (output === "lines") io.out(answer.items.map(differenceText).join("") + fleetText(answer.fleet));
      else print(io, output, answer, () => "");
    });
}

/** `~ Type/mesh/name`, and below it the lines of its YAML that went and came. */
function differenceText({ key, change, before, after }: ResourceChange): string {
  return `${signs[change]} ${shortKey(key)}\n${changedLines(before, after)
    .map((line) => `    ${line}\n`)
    .join("")}`;
}

interface RolledBack {
  revision: number;
  restored: number;
  changed: string[];
  /** Zones that do not take it. */
  held?: string[];
  warnings?: string[];
  fleet?: FleetChanges;
}

function addRollback(program: Command, client: () => ApiClient, io: Io): void {
  const command = program
    .command("rollback <revision>")
    .description("Restore the configuration as it was, as one new revision. Zones, global secrets and withdrawn keys stay as they are")
    .option("--dry-run", "say what would change, for proxies too, and write nothing")
    .option("--reason <text>", "why, for the history");
  waitFlags(command).action(async (revision: string, flags: WaitFlags & { reason?: string; dryRun?: true }) => {
    const { query, waitMs } = flags.dryRun ? { query: `?${serverDryRun}`, waitMs: fleetWaitMs } : waitQuery(flags);
    const answer = await client().json<RolledBack>("POST", `/revisions/${revisionOf(revision)}/rollback${query}`, {
      body: { reason: flags.reason },
      waitMs,
    });
    for (const key of answer.changed) io.out(`  ${shortKey(key)}\n`);
    if (flags.dryRun) return io.out(fleetText(answer.fleet));
    io.out(
      answer.changed.length === 0
        ? `nothing differs from revision ${answer.restored}\n`
        : `restored revision ${answer.restored} as revision ${answer.revision}\n`,
    );
    for (const warning of [...(answer.held ?? []), ...(answer.warnings ?? [])]) io.err(`Warning: ${warning}\n`);
    if (answer.warnings !== undefined) throw new CtlError("not applied by every proxy in time");
  });
}

function addWait(program: Command, client: () => ApiClient, io: Io): void {
  program
    .command("wait <revision>")
    .description("Wait until every live proxy of every zone has acknowledged a revision")
    .option("--timeout <duration>", "how long, such as 10s", "30s")
    .option(...outputFlag)
    .action(async (revision: string, { timeout, output }: { timeout: string; output: string }) => {
      checkFormat(output);
      const waitMs = readDuration("timeout", timeout);
      const path = `/revisions/${revisionOf(revision)}/status?wait=applied&timeout=${encodeURIComponent(timeout)}`;
      const status = await client().json<RevisionStatus>("GET", path, { waitMs });
      print(io, output, status, statusTable);
      if (!status.done) throw new CtlError(`revision ${status.revision} is not applied by every proxy after ${timeout}`);
    });
}

const statusTable = ({ zones }: RevisionStatus): string =>
  renderTable(
    ["ZONE", "PROXIES", "APPLIED", "DONE", ...(zones.some(({ held }) => held !== undefined) ? ["HELD"] : [])],
    zones.map(({ name, proxies, applied, done, held }) => [
      ...[name, String(proxies), applied === null ? "-" : String(applied), done ? "yes" : "no"],
      ...(held === undefined ? [] : [held]),
    ]),
  );

export function revisionOf(text: string): string {
  if (!/^\d{1,15}$/.test(text)) throw new CtlError(`${JSON.stringify(text)} is not a revision`);
  return text;
}
