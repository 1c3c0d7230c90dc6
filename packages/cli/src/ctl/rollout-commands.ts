import { setTimeout as pause } from "node:timers/promises";
import { type RolloutAnswer, type StageAnswer, type ZonePinAnswer, shortKey } from "@atoll/rest-answers";
import { readYaml, YamlError } from "@atoll/yaml";
import type { Command } from "commander";
import { type ApiClient, UnreachableError } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import { nameOfSource, readSource } from "./documents.ts";
import { requireFlags } from "./flags.ts";
import type { Io } from "./io.ts";
import { checkFormat, outputFlag, print } from "./output.ts";
import { revisionOf } from "./revision-commands.ts";
import { renderTable } from "./table.ts";
import { readDuration } from "./wait.ts";

type Items<Item> = { revision: number; items: Item[] };
const pathOf = (name: string): string => `/rollouts/${encodeURIComponent(name)}`;

/** `rollout` and `zone`: what holds where, and until when. */
export function addRollouts(program: Command, client: () => ApiClient, io: Io): void {
  const rollout = program.command("rollout").description("Change sets that take effect in stages: begin, watch, continue or abort them");
  addStart(rollout, client, io);
  rollout
    .command("list")
    .description("Roll-outs under way, and those that ended last")
    .option(...outputFlag)
    .action(async ({ output }: { output: string }) => {
      checkFormat(output);
      const page = await client().json<Items<RolloutAnswer>>("GET", "/rollouts");
      print(io, output, page, ({ items }) => rolloutTable(items));
    });
  rollout
    .command("status <name>")
    .description("How far a roll-out is, what it waits for, or why it is held")
    .option(...outputFlag)
    .action(async (name: string, { output }: { output: string }) => {
      checkFormat(output);
      print(io, output, await client().json<RolloutAnswer>("GET", pathOf(name)), statusText);
    });
  rollout
    .command("wait <name>")
    .description("Wait until a roll-out is done; fails if it is held or ends otherwise")
    .option("--timeout <duration>", "how long, such as 10m", "10m")
    .action((name: string, { timeout }: { timeout: string }) => waitForRollout(name, timeout, client(), io));
  const step = (verb: string, description: string) =>
    rollout
      .command(`${verb} <name>`)
      .description(description)
      .option("--reason <text>", "why, for the history")
      .option("--stage <number>", "only if this is the present stage")
      .action(async (name: string, { reason, stage }: { reason?: string; stage?: string }) => {
        if (stage !== undefined && !/^\d{1,9}$/.test(stage)) throw new CtlError(`${JSON.stringify(stage)} is not the number of a stage`);
        const body = { reason, ...(stage !== undefined && { stage: Number(stage) }) };
        const answer = await client().json<RolloutAnswer>("POST", `${pathOf(name)}/${verb}`, { body });
        io.out(`roll-out ${name}: ${answer.progress}, revision ${answer.revision}\n`);
      });
  step(
    "continue",
    "Let the present stage pass, whatever its gate says: the next one begins or, after the last, the change holds everywhere",
  );
  step("hold", "Stop at the present stage until somebody decides");
  step("abort", "End it: where it has come, there is again what was before");
  addZones(program, client, io);
}

/** Until it is done. Rejects if it is held or ends otherwise, or when the time is up. */
async function waitForRollout(name: string, timeout: string, client: ApiClient, io: Io): Promise<void> {
  const ended = await whenSettled(client, name, readDuration("timeout", timeout));
  io.out(statusText(ended));
  if (ended.state === "running") throw new CtlError(`roll-out ${name} is under way after ${timeout}`);
  if (ended.state !== "done") throw new CtlError(`roll-out ${name} is ${ended.progress}: ${ended.why ?? "by hand"}`);
}

function addStart(rollout: Command, client: () => ApiClient, io: Io): void {
  rollout
    .command("start")
    .description("Begin what a document says: {name, reason, stages: [{zones, share, gate}], onFailure, resources, delete}")
    .option("-f, --file <source>", "file, URL, or - for standard input (required)")
    .action(async (flags: { file?: string }) => {
      requireFlags({ ...flags }, "file");
      const document = readObject(await readSource(flags.file!, io), nameOfSource(flags.file!));
      if (document["type"] !== undefined && document["type"] !== "Rollout") throw new CtlError(`type: must be Rollout`);
      const { type: _type, ...body } = document;
      await startRollout(body, client(), io);
    });
}

function readObject(text: string, source: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = readYaml(text);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw new CtlError(`${source}: ${error.message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new CtlError(`${source}: must be a document`);
  return value as Record<string, unknown>;
}

/** Begins a roll-out and says so; with a time, waits for its end. Rejects with what the control plane has against it. */
export async function startRollout(body: object, client: ApiClient, io: Io, timeout?: string): Promise<void> {
  const answer = await client.json<RolloutAnswer & { warnings?: string[] }>("POST", "/rollouts", { body });
  for (const warning of answer.warnings ?? []) io.err(`Warning: ${warning}\n`);
  io.out(`roll-out ${answer.name}: ${answer.progress}, revision ${answer.revision}\n`);
  if (timeout !== undefined) await waitForRollout(answer.name, timeout, client, io);
}

/** How long a lost connection rests before it is tried again. */
const retryMs = 500;

/**
 * As soon as it does not run any more, or as it is when the time is up. The change feed says when to look; where it is lost, because global
 * is started anew for one, it is opened again.
 */
async function whenSettled(client: ApiClient, name: string, timeoutMs: number): Promise<RolloutAnswer> {
  const look = () => client.json<RolloutAnswer>("GET", pathOf(name));
  const end = AbortSignal.timeout(timeoutMs);
  let now = await look();
  while (now.state === "running" && !end.aborted) {
    try {
      now = await whenChanged(client, await look(), look, end);
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
    }
    if (now.state === "running" && !end.aborted) await pause(retryMs);
  }
  return now;
}

/** Until it runs no more, the time is up, or the connection is lost. */
async function whenChanged(
  client: ApiClient,
  now: RolloutAnswer,
  look: () => Promise<RolloutAnswer>,
  end: AbortSignal,
): Promise<RolloutAnswer> {
  const query = new URLSearchParams({ kind: "Rollout", name: now.name, after: String(now.revision) });
  const feed = (await client.open("GET", `/changes?${query}`, { accept: "text/event-stream" })) as AsyncIterable<string> & {
    destroy?: () => void;
  };
  // The stream would keep the process, and the wait its stream.
  const stop = () => feed.destroy?.();
  end.addEventListener("abort", stop);
  try {
    for await (const text of feed) {
      if (text.includes("event: change")) now = await look();
      if (now.state !== "running") break;
    }
  } catch {
    // Lost, or ended here.
  } finally {
    end.removeEventListener("abort", stop);
    stop();
  }
  return now;
}

const rolloutTable = (items: readonly RolloutAnswer[]): string =>
  renderTable(
    ["NAME", "STATE", "PROGRESS", "SINCE", "CHANGES", "WHY"],
    items.map(({ name, state, progress, since, changes, why = "" }) => [
      name,
      state,
      progress,
      since,
      changes.map(shortKey).join(", "),
      why,
    ]),
  );

function statusText(answer: RolloutAnswer): string {
  const {
    name,
    progress,
    state,
    since,
    revision,
    author,
    reason,
    why,
    waits = [],
    changes,
    stages,
    stage,
    zones,
    onFailure,
    steps,
  } = answer;
  const isUnderWay = state === "running" || state === "held";
  const mark = (index: number) => (index + 1 < stage || state === "done" ? "passed" : isUnderWay && index + 1 === stage ? state : "");
  return [
    `roll-out ${name}: ${progress}${isUnderWay ? "" : ` ${since}`}, revision ${revision}, by ${author}${reason === undefined ? "" : ` (${reason})`}`,
    ...(why === undefined ? [] : [`because ${why}`]),
    ...waits.map((wait) => `waits for ${wait}`),
    `changes ${changes.map(shortKey).join(", ")}; on failure: ${onFailure}`,
    "",
    renderTable(
      ["STAGE", "ZONES", "PROXIES", "GATE", "STATE"],
      stages.map((one, index) => [
        String(index + 1),
        one.zones.join(", "),
        one.share === undefined ? "all" : `${one.share}%`,
        gateText(one),
        mark(index),
      ]),
    ).trimEnd(),
    "",
    renderTable(
      ["ZONE", "HAS IT", "PROXIES", "APPLIED"],
      zones.map(({ name: zone, share, proxies, applied }) => [
        zone,
        `${share}%`,
        String(proxies),
        applied === null ? "-" : String(applied),
      ]),
    ).trimEnd(),
    "",
    renderTable(
      ["TIME", "STAGE", "STATE", "BY", "WHY"],
      steps.map((step) => [step.at, String(step.stage), step.state, step.author, step.why ?? ""]),
    ).trimEnd(),
    "",
  ].join("\n");
}

const gateText = ({ gate = {} }: StageAnswer): string =>
  [
    "all acknowledge",
    ...(gate.minTime === undefined ? [] : [`${gate.minTime} at least`]),
    ...(gate.errors ?? []).map(({ cluster, maxPercent }) => `errors of ${cluster} at most ${maxPercent}%`),
  ].join(", ");

function addZones(program: Command, client: () => ApiClient, io: Io): void {
  const zone = program.command("zone").description("Let a zone stay at a revision while the others go on");
  const path = (name: string, verb: string) => `/zones/${encodeURIComponent(name)}/${verb}`;
  zone
    .command("pin <zone>")
    .description("The zone keeps its policies and routes; certificates, secrets, revocations, meshes and endpoints still come")
    .option("--revision <revision>", "first take it to this revision; default: it stays as it is")
    .option("--reason <text>", "why, for the history")
    .action(async (name: string, { revision, reason }: { revision?: string; reason?: string }) => {
      const body = { reason, ...(revision !== undefined && { revision: Number(revisionOf(revision)) }) };
      const pin = await client().json<ZonePinAnswer>("POST", path(name, "pin"), { body });
      io.out(`zone ${name} is pinned at revision ${pin.revision}\n`);
      if (pin.held.length > 0) io.out(`it does not have what there is now of ${pin.held.map(shortKey).join(", ")}\n`);
    });
  zone
    .command("release <zone>")
    .description("The zone has again what all have")
    .option("--reason <text>", "why, for the history")
    .action(async (name: string, { reason }: { reason?: string }) => {
      const answer = await client().json<{ revision: number; pinned: number }>("POST", path(name, "release"), { body: { reason } });
      io.out(`zone ${name} goes on from revision ${answer.pinned} to ${answer.revision}\n`);
    });
  zone
    .command("pins")
    .description("Which zones are pinned, since when, and what they have otherwise")
    .option(...outputFlag)
    .action(async ({ output }: { output: string }) => {
      checkFormat(output);
      const page = await client().json<Items<ZonePinAnswer>>("GET", "/zone-pins");
      print(io, output, page, ({ items }) =>
        renderTable(
          ["ZONE", "REVISION", "SINCE", "BY", "REASON", "OTHERWISE"],
          items.map((pin) => [pin.zone, String(pin.revision), pin.since, pin.author, pin.reason ?? "", pin.held.map(shortKey).join(", ")]),
        ),
      );
    });
}
