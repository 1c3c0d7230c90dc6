import type { Command, Option } from "commander";
import { InputError } from "./input-error.ts";

/**
 * Puts arguments into the order and spelling that commander reads, from what people write for programs of Go: flags on any side of a
 * command's name (`--mesh demo get meshes`), `-f=file`, `--dry-run=false`. @throws InputError for a truth value that is none
 */
export function goArguments(program: Command, given: readonly string[]): string[] {
  const rest = [...given];
  const path: string[] = [];
  let command = program;
  for (;;) {
    const at = firstWord(rest, optionsBelow(program));
    const next = at < 0 ? undefined : command.commands.find((each) => each.name() === rest[at] || each.aliases().includes(rest[at]!));
    if (next === undefined) break;
    path.push(...rest.splice(at, 1));
    command = next;
  }
  const options = [command, ...ancestors(command)].flatMap((each) => each.options);
  const end = rest.indexOf("--");
  const flags = end < 0 ? rest : rest.slice(0, end);
  return [...path, ...flags.flatMap((argument) => respelled(argument, options)), ...(end < 0 ? [] : rest.slice(end))];
}

const optionsBelow = (command: Command): Option[] => [...command.options, ...command.commands.flatMap(optionsBelow)];

function ancestors(command: Command): Command[] {
  return command.parent === null ? [] : [command.parent, ...ancestors(command.parent)];
}

/** Index of the first argument that is neither a flag nor the value of one; -1 without any. */
function firstWord(args: readonly string[], options: readonly Option[]): number {
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index]!;
    if (argument === "--") return -1;
    if (!argument.startsWith("-") || argument === "-") return index;
    if (options.some((option) => option.required && (option.long === argument || option.short === argument))) index += 1;
  }
  return -1;
}

function respelled(argument: string, options: readonly Option[]): string[] {
  // What follows a flag whose value may be left out is never its value.
  const bare = options.find((each) => each.optional && each.long === argument);
  if (bare?.presetArg !== undefined) return [`${argument}=${String(bare.presetArg)}`];
  const [, name, value] = /^(--[^=]+|-[A-Za-z])=([^]*)$/.exec(argument) ?? [];
  const option = options.find((each) => each.long === name || each.short === name);
  if (name === undefined || option === undefined) return [argument];
  if (!option.required && !option.optional) {
    if (/^(1|t|T|TRUE|true|True)$/.test(value!)) return [name];
    if (/^(0|f|F|FALSE|false|False)$/.test(value!)) return [];
    throw new InputError(`invalid argument ${JSON.stringify(value)} for "${option.flags}" flag: it is neither true nor false`);
  }
  return name.startsWith("--") ? [argument] : [name, value!];
}
