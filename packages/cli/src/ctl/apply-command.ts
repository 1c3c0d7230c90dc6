import { renderDocument } from "@atoll/resource";
import { type Command, Option } from "commander";
import { describeProblem, type ApiAnswer, type ApiClient } from "./client.ts";
import { keyValues } from "../input/flag-values.ts";
import { fillTemplate } from "../input/template.ts";
import { CtlError } from "./ctl-error.ts";
import { errorIn, itemPath, nameOfSource, type ReadDocument, readDocuments, readSource } from "./documents.ts";
import { fleetWaitMs, sayForetold, serverDryRun } from "./fleet-text.ts";
import { repeated, requireFlags } from "./flags.ts";
import type { Io } from "./io.ts";
import { startRollout } from "./rollout-commands.ts";
import { readStages, type StageFlags } from "./rollout-flags.ts";
import { waitFlags, waitQuery, type WaitFlags } from "./wait.ts";
import { renderResourceYaml, renderYaml } from "./yaml-output.ts";

interface ApplyFlags extends WaitFlags, StageFlags {
  file: string;
  var?: string[];
  dryRun?: string;
  output: string;
  atomic?: true;
  reason?: string;
  showRevision?: true;
}

/** `apply`: create or change what the documents say. */
export function addApply(program: Command, client: () => ApiClient, io: Io): void {
  const command = program
    .command("apply")
    .description("Create or change resources: one change set per document, or one for all with --atomic")
    .option("-f, --file <source>", "file, URL, or - for standard input; may hold several documents (required)")
    .option("-v, --var <name=value>", "value of {{ name }} in the documents", repeated)
    .addOption(
      new Option(
        "--dry-run [where]",
        "client: print the documents as they would be applied; server: what they would change, for proxies too",
      )
        .preset("client")
        .choices(["client", "server", "true", "false"]),
    )
    .option("-o, --output <format>", "of --dry-run=server: lines, yaml or json", "lines")
    .option("--atomic", "all documents as one change set: all of them, or none")
    .option("--reason <text>", "why, for the history (with --atomic or --stages)")
    .option(
      "--stages <stages>",
      "as a roll-out, stage after stage (--wait: until it is done): zone[+zone...][:share%],... such as east:20%,east,west+north",
    )
    .option("--rollout <name>", "what the roll-out is called; default: after its revision")
    .option("--min-time <duration>", "how long each stage lasts at least")
    .option("--max-errors <cluster=percent>", "which share of a cluster's requests may fail in a stage; again for more", repeated)
    .option("--on-failure <what>", "hold (default) or rollback: what becomes of a roll-out whose gate fails")
    .option("--show-revision", "print the revision of the change");
  waitFlags(command).action(async (flags: ApplyFlags) => {
    requireFlags({ ...flags }, "file");
    const values = keyValues(flags.var ?? [], "-v, --var");
    const text = await readSource(flags.file, io);
    // Without values, braces are text like any other, as in kumactl.
    const filled = Object.keys(values).length === 0 ? text : fillTemplate(text, values);
    const documents = readDocuments(filled, nameOfSource(flags.file));
    if (flags.dryRun === "server") await foretell(documents, flags, client(), io);
    else if (flags.dryRun !== undefined && flags.dryRun !== "false")
      io.out(documents.map(({ kind, resource }) => (kind.plugin ? renderYaml : renderResourceYaml)(written(resource))).join("---\n"));
    else if (flags.stages !== undefined) await applyInStages(documents, flags, client(), io);
    else if (flags.atomic) await applyAtOnce(documents, flags, client(), io);
    else await applyEach(documents, flags, client(), io);
  });
}

const zeroTime = "0001-01-01T00:00:00Z";

const written = (resource: ReadDocument["resource"]): Record<string, unknown> =>
  renderDocument({ ...resource, creationTime: zeroTime, modificationTime: zeroTime, revision: 0 }, "universal");

async function applyEach(documents: readonly ReadDocument[], flags: ApplyFlags, client: ApiClient, io: Io): Promise<void> {
  for (const [index, { resource, kind, place }] of documents.entries()) {
    // Waiting for the last one waits for those before it.
    const { query, waitMs } = index === documents.length - 1 ? waitQuery(flags) : { query: "", waitMs: 0 };
    const path = `${itemPath(kind, resource.mesh, resource.name)}${query}`;
    const answer = await client.call("PUT", path, { body: written(resource), waitMs });
    if (answer.status !== 200 && answer.status !== 201) throw errorIn(place, describeProblem(answer));
    say(answer, flags, io);
  }
}

async function applyAtOnce(documents: readonly ReadDocument[], flags: ApplyFlags, client: ApiClient, io: Io): Promise<void> {
  const { query, waitMs } = waitQuery(flags);
  const body = { resources: documents.map(({ resource }) => written(resource)), reason: flags.reason };
  const answer = await client.call("POST", `/changes${query}`, { body, waitMs });
  if (answer.status !== 200) throw new CtlError(withPlaces(describeProblem(answer), documents));
  say(answer, flags, io);
}

async function applyInStages(documents: readonly ReadDocument[], flags: ApplyFlags, client: ApiClient, io: Io): Promise<void> {
  const { rollout: name, onFailure, reason } = flags;
  const resources = documents.map(({ resource }) => written(resource));
  try {
    await startRollout({ name, reason, stages: readStages(flags), onFailure, resources }, client, io, flags.wait && flags.timeout);
  } catch (error) {
    throw error instanceof CtlError ? new CtlError(withPlaces(error.message, documents)) : error;
  }
}

/** What the documents would change if they were applied at once. Nothing is. */
async function foretell(documents: readonly ReadDocument[], flags: ApplyFlags, client: ApiClient, io: Io): Promise<void> {
  const body = { resources: documents.map(({ resource }) => written(resource)) };
  const answer = await client.call("POST", `/changes?${serverDryRun}`, { body, waitMs: fleetWaitMs });
  if (answer.status !== 200) throw new CtlError(withPlaces(describeProblem(answer), documents));
  sayForetold(answer, flags.output, io);
}

/** The control plane counts the documents from 0; people find them by file and line. */
const withPlaces = (text: string, documents: readonly ReadDocument[]): string =>
  text.replaceAll(/resources\[(\d+)\]/g, (whole, index: string) => documents[Number(index)]?.place ?? whole);

function say(answer: ApiAnswer, flags: ApplyFlags, io: Io): void {
  const { warnings = [] } = JSON.parse(answer.text || "{}") as { warnings?: string[] };
  for (const warning of warnings) io.err(`Warning: ${warning}\n`);
  if (flags.showRevision) io.out(`revision ${String(answer.headers["atoll-revision"])}\n`);
  if (answer.headers["atoll-applied"] === "false") throw new CtlError("not applied by every proxy in time");
}
