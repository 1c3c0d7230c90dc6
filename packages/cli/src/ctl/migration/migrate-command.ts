import { readFileSync } from "node:fs";
import { parseDocument, renderDocument, type Kind, type ResourceDraft } from "@atoll/resource";
import type { Command } from "commander";
import { ApiClient, describeProblem } from "../client.ts";
import { CtlError } from "../ctl-error.ts";
import { itemPath, readSource } from "../documents.ts";
import { repeated } from "../flags.ts";
import type { Io } from "../io.ts";
import { waitFlags, waitQuery, type WaitFlags } from "../wait.ts";
import { findingsOf } from "./findings.ts";
import { makePlan, obstacles, toWrite, type Existing, type Plan } from "./plan.ts";
import { reportAsJson, reportAsText, type MigrationReport } from "./report.ts";
import { readControlPlane, readExport, type Source } from "./source.ts";

interface MigrateFlags extends WaitFlags {
  file?: string;
  from?: string;
  fromTokenFile?: string;
  fromCaCertFile?: string;
  apply?: true;
  reason?: string;
  leaveOut?: string[];
  overwrite?: true;
  output: string;
}

/** `migrate`: what of a Kuma installation carries over, and its import as one change set. */
export function addMigrate(program: Command, client: () => ApiClient, io: Io): void {
  const command = program
    .command("migrate")
    .description("Show what of a Kuma installation carries over to this control plane; import it with --apply")
    .option("-f, --file <source>", "export of kumactl: file, URL, or - for standard input")
    .option("--from <url>", "instead of a file, a Kuma global that runs, such as http://kuma-global:5681")
    .option("--from-token-file <path>", "user token of an admin there, to read its secrets")
    .option("--from-ca-cert-file <path>", "PEM of the CA that signed its certificate")
    .option("--apply", "import it: all as one change set, or nothing")
    .option("--reason <text>", "why, for the history")
    .option("--leave-out <Type/mesh/name>", "a resource to leave out; may be repeated", repeated)
    .option("--overwrite", "where this control plane has something else, take the source's")
    .option("-o, --output <format>", "text or json", "text");
  waitFlags(command).action(async (flags: MigrateFlags) => {
    if (flags.output !== "text" && flags.output !== "json") throw new CtlError(`unknown output format "${flags.output}"`);
    const report = await migrate(await sourceOf(flags, io), flags, client());
    io.out(flags.output === "json" ? `${JSON.stringify(reportAsJson(report), null, 2)}\n` : reportAsText(report));
    const standing = [...obstacles(report.plan), ...(report.refusal === undefined ? [] : ["this control plane refuses the change set"])];
    if (flags.apply && standing.length > 0) throw new CtlError(`nothing was imported: ${standing.join("; ")}`);
  });
}

async function sourceOf(flags: MigrateFlags, io: Io): Promise<Source> {
  if ((flags.file === undefined) === (flags.from === undefined)) throw new CtlError("either --file or --from is needed");
  if (flags.file !== undefined) return readExport(await readSource(flags.file, io));
  const token = flags.fromTokenFile === undefined ? undefined : readTokenFile(flags.fromTokenFile);
  const server = {
    url: flags.from!,
    ...(flags.fromCaCertFile !== undefined && { caCertFile: flags.fromCaCertFile }),
    ...(token !== undefined && { authType: "tokens", authConf: { token } }),
  };
  return readControlPlane(new ApiClient(server), server.url);
}

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw new CtlError(`--from-token-file: ${(error as Error).message}`);
  }
}

async function migrate(source: Source, flags: MigrateFlags, client: ApiClient): Promise<MigrationReport> {
  const plan = await makePlan(source, {
    lookUp: (kind, draft) => lookUp(client, kind, draft),
    leaveOut: flags.leaveOut ?? [],
    overwrite: flags.overwrite ?? false,
  });
  const report: MigrationReport = { plan, findings: findingsOf(plan) };
  const written = toWrite(plan);
  if (written.length === 0) return report;
  const body = {
    resources: written.map(({ draft }) => documentOf(draft)),
    expect: Object.fromEntries(Object.entries(plan.expect).filter(([key]) => isWritten(plan, key))),
    reason: flags.reason ?? `migration from ${plan.source}`,
  };
  const checked = await client.call("POST", "/changes?dry_run=true", { body });
  if (checked.status !== 200) return { ...report, refusal: withNames(describeProblem(checked), plan) };
  if (!flags.apply || obstacles(plan).length > 0) return report;
  const { query, waitMs } = waitQuery(flags);
  const answer = await client.call("POST", `/changes${query}`, { body, waitMs });
  if (answer.status !== 200) return { ...report, refusal: withNames(describeProblem(answer), plan) };
  return { ...report, revision: (JSON.parse(answer.text) as { revision: number }).revision };
}

const isWritten = (plan: Plan, key: string): boolean => toWrite(plan).some(({ type, mesh, name }) => `${type}/${mesh}/${name}` === key);

/** The control plane counts the documents; people know them by name. */
const withNames = (text: string, plan: Plan): string =>
  text.replaceAll(/resources\[(\d+)\]/g, (whole, index: string) => {
    const one = toWrite(plan)[Number(index)];
    return one === undefined ? whole : `${one.type} ${one.mesh === "" ? "" : `${one.mesh}/`}${one.name}`;
  });

async function lookUp(client: ApiClient, kind: Kind, draft: ResourceDraft): Promise<Existing | undefined> {
  const answer = await client.call("GET", itemPath(kind, draft.mesh, draft.name));
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw new CtlError(describeProblem(answer));
  const document = JSON.parse(answer.text) as { creationTime?: string; modificationTime?: string };
  const parsed = parseDocument(document, { kind });
  const revision = /^"(\d+)"$/.exec(String(answer.headers["etag"] ?? ""))?.[1];
  if (!parsed.ok || revision === undefined) throw new CtlError(`cannot read what is there of ${kind.type} ${draft.name}`);
  return { draft: parsed.resource, revision: Number(revision), untouched: document.creationTime === document.modificationTime };
}

const zeroTime = "0001-01-01T00:00:00Z";

const documentOf = (draft: ResourceDraft): object =>
  renderDocument({ ...draft, creationTime: zeroTime, modificationTime: zeroTime, revision: 0 }, "universal");
