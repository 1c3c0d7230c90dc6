import type { Kind } from "@atoll/resource";
import { type Command, Option } from "commander";
import { describeProblem, type ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import { collectionPath, itemPath } from "./documents.ts";
import { fleetWaitMs, sayForetold, serverDryRun } from "./fleet-text.ts";
import type { Io } from "./io.ts";
import { checkFormat, outputFlag, pagingFooter, print, type Page } from "./output.ts";
import { kindOfSingular, wantedResources } from "./resource-kinds.ts";
import { pointQuery, revisionFlag, timeFlag, withQuery } from "./point-flags.ts";
import { type Item, resourceTable } from "./resource-table.ts";
import { renderResourceYaml } from "./yaml-output.ts";

interface GetFlags {
  mesh: string;
  output: string;
  size?: string;
  offset?: string;
  revision?: string;
  at?: string;
}

/** `get` and `delete`. */
export function addGet(program: Command, client: () => ApiClient, io: Io): void {
  program
    .command("get <type> [name]")
    .description("Show resources: a plural lists them, a singular and a name shows one")
    .option("-m, --mesh <mesh>", "mesh to look in", "default")
    .option(...outputFlag)
    .option("--size <n>", "how many to show at most")
    .option("--offset <text>", "where to go on, as the previous page said")
    .option(...revisionFlag)
    .option(...timeFlag)
    .action(async (type: string, name: string | undefined, flags: GetFlags) => {
      checkFormat(flags.output);
      const { kind, one } = wantedResources(type);
      if (one && name === undefined) throw new CtlError("accepts 1 arg(s), received 0");
      if (name === undefined) await list(kind, flags, client(), io);
      else await show(kind, name, flags, client(), io);
    });

  program
    .command("delete <type> <name>")
    .description("Delete a resource")
    .option("-m, --mesh <mesh>", "mesh of the resource", "default")
    .addOption(new Option("--dry-run <where>", "server: say what would change, for proxies too, and delete nothing").choices(["server"]))
    .option("-o, --output <format>", "of --dry-run=server: lines, yaml or json", "lines")
    .action(async (type: string, name: string, flags: { mesh: string; dryRun?: string; output: string }) => {
      const kind = kindOfSingular(type);
      if (flags.dryRun !== undefined) {
        const key = { type: kind.type, name, ...(kind.scope === "mesh" && { mesh: flags.mesh }) };
        const tried = await client().call("POST", `/changes?${serverDryRun}`, { body: { delete: [key] }, waitMs: fleetWaitMs });
        if (tried.status !== 200) throw new CtlError(describeProblem(tried));
        return sayForetold(tried, flags.output, io);
      }
      const answer = await client().call("DELETE", itemPath(kind, flags.mesh, name));
      if (answer.status === 404) throw new CtlError(`there is no ${kind.type} with name "${name}"`);
      if (answer.status !== 200) throw new CtlError(describeProblem(answer));
      io.out(`deleted ${kind.type} "${name}"\n`);
      const { warnings = [] } = JSON.parse(answer.text || "{}") as { warnings?: string[] };
      for (const warning of warnings) io.err(`Warning: ${warning}\n`);
    });
}

async function list(kind: Kind, flags: GetFlags, client: ApiClient, io: Io): Promise<void> {
  if (flags.size !== undefined && !/^-?\d+$/.test(flags.size)) {
    throw new CtlError(`invalid argument ${JSON.stringify(flags.size)} for "--size" flag: it is not a whole number`);
  }
  const paging = { ...(flags.size && { size: flags.size }), ...(flags.offset && { offset: flags.offset }) };
  const path = withQuery(collectionPath(kind, flags.mesh), { ...paging, ...pointQuery(flags, io.now()) });
  const page = await client.json<Page<Item>>("GET", path);
  const table = ({ items }: Page<Item>) => resourceTable(kind, items, io.now()) + pagingFooter(page);
  print(io, flags.output, { total: page.total, items: page.items, next: null }, table);
}

async function show(kind: Kind, name: string, flags: GetFlags, client: ApiClient, io: Io): Promise<void> {
  const answer = await client.call("GET", withQuery(itemPath(kind, flags.mesh, name), pointQuery(flags, io.now())));
  if (answer.status === 404) throw new CtlError(`No resources found${kind.scope === "mesh" ? ` in ${flags.mesh} mesh` : ""}`);
  if (answer.status !== 200) throw new CtlError(describeProblem(answer));
  const item = JSON.parse(answer.text) as Item;
  print(io, flags.output, item, () => resourceTable(kind, [item], io.now()), kind.plugin ? undefined : renderResourceYaml);
}
