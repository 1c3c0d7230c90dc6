import { setTimeout as pause } from "node:timers/promises";
import { type FeedChange, shortKey } from "@atoll/rest-answers";
import type { Command } from "commander";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { type ApiClient, UnreachableError } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import type { Io } from "./io.ts";
import { renderYaml } from "./yaml-output.ts";

interface WatchFlags {
  after?: string;
  kind: string[];
  mesh: string[];
  name: string[];
  zone: string[];
  count?: string;
  output: string;
}

const collect = (value: string, earlier: string[]): string[] => [...earlier, ...value.split(",")];

/** `watch`: the change feed on a terminal or in a script. */
export function addWatch(program: Command, client: () => ApiClient, io: Io): void {
  program
    .command("watch")
    .description("Every change as it happens, from now or from a revision on; goes on by itself where a lost connection ended")
    .option("--after <revision>", "begin after this revision; 0 = with the first the log holds")
    .option("--kind <types>", "only these kinds, such as MeshGatewayRoute,Mesh", collect, [])
    .option("-m, --mesh <meshes>", "only of these meshes", collect, [])
    .option("--name <names>", "only resources of these names", collect, [])
    .option("--zone <zones>", "only what these zones wrote; deletions are always shown", collect, [])
    .option("--count <n>", "end after so many changes")
    .option("-o, --output <format>", "lines, json (one object a line) or yaml", "lines")
    .action(async (flags: WatchFlags) => {
      const show = painter(flags.output, io);
      const wanted = flags.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber("count", flags.count);
      await watch(client(), flags, wanted, show, io);
    });
}

function painter(output: string, io: Io): (message: FeedChange) => void {
  if (output === "json") return (message) => io.out(`${JSON.stringify(message)}\n`);
  if (output === "yaml") return (message) => io.out(`---\n${renderYaml(message)}`);
  if (output === "lines") return (message) => io.out(lines(message));
  throw new CtlError(`unknown output format ${JSON.stringify(output)}: lines, json or yaml`);
}

function lines({ revision, at, author, reason, changes }: FeedChange): string {
  const head = [String(revision), at, author, ...(reason === undefined ? [] : [reason])].join("  ");
  return `${head}\n${changes.map(({ op, key }) => `    ${op} ${shortKey(key)}\n`).join("")}`;
}

async function watch(client: ApiClient, flags: WatchFlags, wanted: number, show: (message: FeedChange) => void, io: Io): Promise<void> {
  const query = new URLSearchParams();
  if (flags.after !== undefined) query.set("after", String(wholeNumber("after", flags.after)));
  for (const name of ["kind", "mesh", "name", "zone"] as const) for (const value of flags[name]) query.append(name, value);
  const path = `/changes${query.size > 0 ? `?${query}` : ""}`;
  let position: string | undefined;
  let retryMs = 1000;
  let shown = 0;

  const take = ({ event, id, data }: EventSourceMessage): void => {
    if (shown >= wanted) return;
    const message = JSON.parse(data) as FeedChange & { detail: string };
    if (event === "gone") throw new CtlError(message.detail);
    position = id ?? position;
    if (event !== "change") return;
    show(message);
    shown += 1;
  };

  for (;;) {
    try {
      const headers = { accept: "text/event-stream", ...(position !== undefined && { "last-event-id": position }) };
      const parser = createParser({ onEvent: take, onRetry: (ms) => (retryMs = ms) });
      for await (const text of await client.open("GET", path, headers)) {
        parser.feed(text);
        if (shown >= wanted) return;
      }
    } catch (error) {
      if (error instanceof CtlError && !(error instanceof UnreachableError)) throw error;
      // Nobody there from the start is a wrong address; later it is a restart, or what stands in between.
      if (position === undefined) throw error;
    }
    io.err(`the connection is lost; going on after revision ${position}\n`);
    await pause(retryMs);
  }
}

function wholeNumber(flag: string, text: string): number {
  if (!/^\d{1,15}$/.test(text))
    throw new CtlError(`invalid argument ${JSON.stringify(text)} for "--${flag}" flag: it is not a whole number`);
  return Number(text);
}
