import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import type { Chart, Values } from "@atoll/chart";
import { CtlError } from "../ctl-error.ts";

/** Beside the bundled commands, or in the repository. */
const places = ["./chart", "../chart", "../../../../../deploy/helm/atoll", "../../../../../../deploy/helm/atoll"];

/** The folder of the chart that this command came with. */
export function chartFolder(): string {
  const found = places.map((place) => fileURLToPath(new URL(place, import.meta.url))).find((path) => existsSync(join(path, "Chart.yaml")));
  if (found === undefined) throw new CtlError("the chart is not beside this command");
  return found;
}

/** Comments and all. */
export const defaultValues = (): string => readFileSync(join(chartFolder(), "values.yaml"), "utf8");

/** YAML as Helm reads it: `<<` merges. */
export const parseValues = (text: string): Values => (parse(text, { merge: true }) ?? {}) as Values;

export function readChart(): Chart {
  const folder = chartFolder();
  const templates = readdirSync(join(folder, "templates")).map((name) => `templates/${name}`);
  return {
    metadata: parse(readFileSync(join(folder, "Chart.yaml"), "utf8")) as Chart["metadata"],
    values: parseValues(defaultValues()),
    templates: Object.fromEntries(templates.map((path) => [path, readFileSync(join(folder, path), "utf8")])),
  };
}
