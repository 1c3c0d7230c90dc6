import type { Command } from "commander";
import type { ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import type { Io } from "./io.ts";
import { checkFormat, outputFlag, print } from "./output.ts";
import { renderTable } from "./table.ts";
import { readDuration, waitFlags, waitQuery, type WaitFlags } from "./wait.ts";
import { renderYaml } from "./yaml-output.ts";

interface RevisionEntry {
  revision: number;
  at: string;
  author: string;
  reason?: string;
  accepted: boolean;
  changes: { op: "put" | "delete"; key: string }[];
}

interface Difference {
  key: string;
  change: "created" | "updated" | "deleted";
  before?: object;
  after?: object;
}

interface Status {
  revision: number;
  done: boolean;
  zones: { name: string; proxies: number; applied: number | null; done: boolean }[];
}

/** What a log adds: who changed what and when, what differs, the way back, and waiting until Envoy has it. */
export function addRevisions(program: Command, inspect: Command, client: () => ApiClient, io: Io): void {
  // The older place of the command, kept for its users.
  for (const parent of [program, inspect]) addList(parent, client, io);
  addDiff(program, client, io);
  addRollback(program, client, io);
  addWait(program, client, io);
}

/** `Type/mesh/name` without the empty mesh of kinds of global scope. */
const shortKey = (key: string): string => key.replace("//", "/");

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
    .option("-o, --output <format>", "lines, yaml or json", "lines")
    .action(async (from: string, to: string | undefined, { output }: { output: string }) => {
      const query = new URLSearchParams({ from: revisionOf(from), ...(to && { to: revisionOf(to) }) }).toString();
      const answer = await client().json<{ items: Difference[] }>("GET", `/diff?${query}`);
      if (output === "lines") io.out(answer.items.map(differenceText).join(""));
      else print(io, output, answer, () => "");
    });
}

const signs = { created: "+", updated: "~", deleted: "-" } as const;

/** `~ Type/mesh/name`, and below it the lines of its YAML that went and came. */
function differenceText({ key, change, before, after }: Difference): string {
  const lines = (value: object | undefined) => (value === undefined ? [] : renderYaml(value).trimEnd().split("\n"));
  const [old, fresh] = [lines(before), lines(after)];
  const body = change === "updated" ? changedLines(old, fresh) : [...old.map((line) => `- ${line}`), ...fresh.map((line) => `+ ${line}`)];
  return `${signs[change]} ${shortKey(key)}\n${body.map((line) => `    ${line}\n`).join("")}`;
}

/** Shortest edit by longest common subsequence; documents are short. */
function changedLines(before: readonly string[], after: readonly string[]): string[] {
  const common = Array.from({ length: before.length + 1 }, () => Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i]![j] = before[i] === after[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const lines: string[] = [];
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      i++;
      j++;
    } else if (j >= after.length || (i < before.length && common[i + 1]![j]! >= common[i]![j + 1]!)) lines.push(`- ${before[i++]}`);
    else lines.push(`+ ${after[j++]}`);
  }
  return lines;
}

function addRollback(program: Command, client: () => ApiClient, io: Io): void {
  const command = program
    .command("rollback <revision>")
    .description("Restore the configuration as it was, as one new revision. Zones, global secrets and withdrawn keys stay as they are")
    .option("--reason <text>", "why, for the history");
  waitFlags(command).action(async (revision: string, flags: WaitFlags & { reason?: string }) => {
    const { query, waitMs } = waitQuery(flags);
    const answer = await client().json<{ revision: number; restored: number; changed: string[]; warnings?: string[] }>(
      "POST",
      `/revisions/${revisionOf(revision)}/rollback${query}`,
      { body: { reason: flags.reason }, waitMs },
    );
    for (const key of answer.changed) io.out(`  ${shortKey(key)}\n`);
    io.out(
      answer.changed.length === 0
        ? `nothing differs from revision ${answer.restored}\n`
        : `restored revision ${answer.restored} as revision ${answer.revision}\n`,
    );
    for (const warning of answer.warnings ?? []) io.err(`Warning: ${warning}\n`);
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
      const status = await client().json<Status>("GET", path, { waitMs });
      print(io, output, status, statusTable);
      if (!status.done) throw new CtlError(`revision ${status.revision} is not applied by every proxy after ${timeout}`);
    });
}

const statusTable = ({ zones }: Status): string =>
  renderTable(
    ["ZONE", "PROXIES", "APPLIED", "DONE"],
    zones.map(({ name, proxies, applied, done }) => [name, String(proxies), applied === null ? "-" : String(applied), done ? "yes" : "no"]),
  );

function revisionOf(text: string): string {
  if (!/^\d{1,15}$/.test(text)) throw new CtlError(`${JSON.stringify(text)} is not a revision`);
  return text;
}
