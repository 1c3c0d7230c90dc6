import type { z } from "zod";
import { kumaSettingAt, kumaSettingOf, variableName, type KumaSetting } from "./kuma-settings.ts";
import { readSettingsFile, settingPaths, SettingsError, type SettingsSource } from "./settings.ts";

export interface SettingsNotices {
  /** Variables that are settings of none of the services that run: mistyped, or another one's. */
  unknownVariables: string[];
  /** Keys of the file that no service of Atoll's and no control plane of Kuma's knows. */
  unknownKeys: string[];
  /** Kuma's settings that have no effect, by what to know or do instead. */
  ignored: { why: string; settings: string[] }[];
}

/** Variables that say nothing to any service: of the launcher, and of kuma-dp. */
const foreign = /^(ATOLL_BUNDLE|(KUMA|ATOLL)_(DATAPLANE|CONTROL_PLANE|READINESS|DNS(?!_SERVER)|APPLICATION_PROBE_PROXY)_.*)$/;

/**
 * What of the file and the environment has no effect on the services that run (`schemas`). `known` are the schemas of all services:
 * one file may serve several. Throws `SettingsError` if a setting of Kuma's would be dangerous to leave aside.
 */
export function settingsNotices(
  schemas: readonly z.ZodObject[],
  known: readonly z.ZodObject[],
  { file, env }: Pick<SettingsSource, "file" | "env">,
): SettingsNotices {
  const knownPaths = new Set(known.flatMap(settingPaths).map((path) => path.join(".")));
  const knownNames = new Set(schemas.flatMap(settingPaths).map(variableName));
  const notices: SettingsNotices = { unknownVariables: [], unknownKeys: [], ignored: [] };
  const dangers: string[] = [];
  const judge = (row: KumaSetting, name: string, value: unknown): void => {
    if (row.state === "ignored") {
      const group = notices.ignored.find(({ why }) => why === row.why);
      if (group === undefined) notices.ignored.push({ why: row.why, settings: [name] });
      else if (!group.settings.includes(name)) group.settings.push(name);
    } else if (row.state === "refused" && !isHarmless(value, row.harmless)) {
      dangers.push(`${name}: ${JSON.stringify(value)} is not supported: ${row.why}`);
    }
  };
  for (const [path, value] of fileLeaves(readSettingsFile(file), knownPaths)) {
    const row = knownPaths.has(path) ? undefined : kumaSettingAt(path);
    if (row !== undefined) judge(row, row.path, value);
    else if (!knownPaths.has(path)) notices.unknownKeys.push(path);
  }
  for (const name of Object.keys(env).toSorted()) {
    if (!/^(ATOLL|KUMA)_/.test(name) || foreign.test(name) || knownNames.has(name.replace(/^(ATOLL|KUMA)_/, ""))) continue;
    const row = kumaSettingOf(name);
    if (row === undefined || (row.state === "used" && !schemas.some((schema) => has(schema, row.as)))) notices.unknownVariables.push(name);
    else judge(row, name, env[name]);
  }
  if (dangers.length > 0) throw new SettingsError(`settings are not supported:\n  ${dangers.join("\n  ")}`);
  return notices;
}

const has = (schema: z.ZodObject, path: string): boolean => settingPaths(schema).some((each) => each.join(".") === path);

const isHarmless = (value: unknown, harmless: readonly unknown[]): boolean =>
  value === "" || (Array.isArray(value) && value.length === 0) || harmless.some((one) => one === value || String(one) === value);

/** Everything that the file says, down to values and to what a setting or a row of Kuma's stands for. */
function* fileLeaves(value: unknown, known: ReadonlySet<string>, path = ""): Generator<[string, unknown]> {
  const below = typeof value === "object" && value !== null && !Array.isArray(value) && !known.has(path);
  if (!below) return yield [path, value];
  for (const [key, child] of Object.entries(value)) yield* fileLeaves(child, known, path === "" ? key : `${path}.${key}`);
}
