import { CtlError } from "./ctl-error.ts";
import type { Io } from "./io.ts";
import { renderYaml } from "./yaml-output.ts";

/** One page of a list, as the control plane gives it. */
export interface Page<Item> {
  total: number;
  items: Item[];
  next: string | null;
}

export const outputFlag = ["-o, --output <format>", "table, yaml or json", "table"] as const;

/** Prints a value in the format the user chose. `table` and `yaml` may have forms of their own. */
export function print<Value>(
  io: Io,
  format: string,
  value: Value,
  table: (value: Value) => string,
  yaml = renderYaml as (value: Value) => string,
): void {
  if (format === "table") io.out(table(value));
  else if (format === "yaml") io.out(yaml(value));
  else if (format === "json") io.out(`${JSON.stringify(value, null, 2)}\n`);
  else throw new CtlError(`unknown output format "${format}"`);
}

/** Refused before anything is asked of the control plane. */
export function checkFormat(format: string): void {
  if (!["table", "yaml", "json"].includes(format)) throw new CtlError(`unknown output format "${format}"`);
}

/** Where the list goes on; "" at its end. */
export const nextOffset = ({ next }: Page<unknown>): string =>
  next === null ? "" : (new URL(next, "http://next").searchParams.get("offset") ?? "");

/** What follows a table that is not the whole list. */
export function pagingFooter(page: Page<unknown>): string {
  const offset = nextOffset(page);
  return offset === "" ? "" : `\nRerun command with --offset=${offset} argument to retrieve more resources\n`;
}
