import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ApiError, apiRoutes, type ApiOptions, type Route } from "@atoll/api";
import { ctlCommand } from "@atoll/cli/ctl";
import { kinds, type Kind } from "@atoll/resource";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";

const text = readFileSync(join(import.meta.dirname, "..", "..", "..", "docs", "compatibility.md"), "utf8");

/** The rows of the table below a heading, cells without their backticks. */
function table(heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]!.split("\n## ")[0]!;
  const rows = section.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(1).map((line) =>
    line
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}

const shown = kinds.filter(({ path }) => path !== "");
const paths = (scope: Kind["scope"]) => shown.filter((kind) => kind.scope === scope).map(({ path }) => path);

type Mode = "global" | "zone";

/** Routes as the OpenAPI document writes them. */
const routesIn = (mode: Mode): Map<string, Route> => {
  const options = { settings: { mode, zone: "east" } } as ApiOptions;
  return new Map(apiRoutes(options).map((route) => [`${route.method} ${route.path.replace(/:(\w+)/g, "{$1}")}`, route]));
};
const served = { global: routesIn("global"), zone: routesIn("zone") };

/** Does the route refuse whatever is asked of it? */
function isRefused(route: Route): boolean {
  try {
    // What would look at the request fails for the lack of one.
    Promise.resolve(route.run({} as never)).catch(() => undefined);
    return false;
  } catch (error) {
    return error instanceof ApiError && error.status === 405;
  }
}

describe("docs/compatibility.md", () => {
  const rows = table("REST routes");
  const patterns = rows.map(([route = "", global = "", zone = ""]) => {
    const [method = "", path = ""] = route.split(/ (.*)/);
    const scope = path.includes("{global path}") ? "global" : "mesh";
    const all = /\{(global )?path\}/.test(path) ? paths(scope).map((own) => path.replace(/\{(global )?path\}/, own)) : [path];
    return { route, global, zone, routes: new Set(all.map((one) => `${method} ${one}`)) };
  });

  test.each(["global", "zone"] as const)("every route of a %s has its row", (mode) => {
    const missing = [...served[mode].keys()].filter((route) => !patterns.some((row) => row[mode] !== "-" && row.routes.has(route)));
    expect(missing).toEqual([]);
  });

  test.each(["global", "zone"] as const)("every row says of a %s what is so", (mode) => {
    for (const { route, routes: all, [mode]: said } of patterns) {
      const found = [...all].flatMap((one) => served[mode].get(one) ?? []);
      const state = found.length === 0 ? "-" : found.every(isRefused) ? "405" : "yes";
      expect(`${route}: ${said}`).toBe(`${route}: ${state}`);
    }
  });

  test("every kind is in its table, with what may be done where", () => {
    const byType = new Map(table("Kinds").map(([type = "", ...cells]) => [type, cells]));
    expect([...byType.keys()].toSorted()).toEqual(shown.map(({ type }) => type).toSorted());
    for (const kind of shown) {
      const put = `PUT ${kind.scope === "mesh" ? "/meshes/{mesh}" : ""}/${kind.path}/{name}`;
      const state = (mode: Mode) => (isRefused(served[mode].get(put)!) ? "reads" : "writes");
      expect(byType.get(kind.type), kind.type).toEqual([kind.path, kind.scope, state("global"), state("zone")]);
    }
  });

  const policies = new Set(shown.flatMap(({ policy, singular }) => (policy ? [singular] : [])));
  const commands = [...leaves(ctlCommand(), [])].map((words) =>
    words[0] === "inspect" && policies.has(words[1]!) ? "inspect POLICY" : words.join(" "),
  );
  const commandRows = table("Commands").map(([command = "", , own = ""]) => ({ command: command.replace(/ (TYPE )?NAME$/, ""), own }));

  test("every command of atollctl has its row, and every row says what is so", () => {
    const listed = new Set(commandRows.filter(({ own }) => own.startsWith("yes")).map(({ command }) => command));
    expect([...listed].toSorted()).toEqual([...new Set(commands)].toSorted());
    const absent = commandRows.filter(({ own }) => !own.startsWith("yes"));
    expect(absent.filter(({ own, command }) => own !== "no" || commands.includes(command))).toEqual([]);
  });
});

function* leaves(command: Command, above: readonly string[]): Generator<string[]> {
  if (command.commands.length === 0) yield [...above];
  for (const inner of command.commands) yield* leaves(inner, [...above, inner.name()]);
}
