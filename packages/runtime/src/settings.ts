import { parseGoDuration } from "@atoll/resource";
import { fileFault, readTextFile, readYaml, YamlError } from "@atoll/yaml";
import { z } from "zod";
import { kumaSettings, variableName } from "./kuma-settings.ts";
import { expandPath } from "./paths.ts";

/** Raised at start-up: names every setting that is wrong, by its path and its environment variable. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

export interface SettingsSource {
  /** YAML or JSON file, with the nesting of the schema; also one of Kuma's control plane. */
  file?: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Values that win over file and environment (command line flags, tests). Nested as the schema. */
  overrides?: Record<string, unknown>;
}

/** Names of Kuma's that differ from the setting's own: path of the setting -> path and variable there. */
const kumaNames = new Map(kumaSettings.flatMap((row) => (row.state === "used" ? [[row.as, row] as const] : [])));

/**
 * Reads settings: defaults of the schema, then the file, then `KUMA_X`, then `ATOLL_X`, then overrides. The variable of
 * `apiServer.http.port` is `ATOLL_API_SERVER_HTTP_PORT`. Text from the environment is coerced to what the schema wants. Where Kuma
 * names a setting otherwise, its names count too. Milliseconds may be given as Kuma's durations ("1m30s"). What is null, or empty where
 * that means nothing, is as if it was not there.
 */
export function loadSettings<Schema extends z.ZodObject>(schema: Schema, source: SettingsSource): z.infer<Schema> {
  const file = readSettingsFile(source.file);
  const values: Record<string, unknown> = structuredClone(file);
  for (const [path, leaf] of leaves(schema)) {
    const name = variableName(path);
    const kuma = kumaNames.get(path.join("."));
    const text = source.env[`ATOLL_${name}`] ?? (kuma && source.env[kuma.variable]) ?? source.env[`KUMA_${name}`];
    const given = text !== undefined ? coerce(leaf, text) : (valueAt(file, path) ?? (kuma && valueAt(file, kuma.path.split("."))));
    if (given === undefined || isNothing(leaf, given)) unassign(values, path);
    else assign(values, path, isMilliseconds(path, leaf) ? milliseconds(given) : asText(leaf, given));
  }
  merge(values, source.overrides ?? {});
  const parsed = schema.safeParse(values);
  if (parsed.success) return parsed.data as z.infer<Schema>;
  const reasons = parsed.error.issues.map((issue) => {
    const path = issue.path.map(String);
    return `${path.join(".")} (ATOLL_${variableName(path)}): ${issue.message}`;
  });
  throw new SettingsError(`settings are not valid:\n  ${reasons.join("\n  ")}`);
}

/** What a settings file says; {} without a file. @throws SettingsError */
export function readSettingsFile(file: string | undefined): Record<string, unknown> {
  if (file === undefined) return {};
  let parsed: unknown;
  try {
    parsed = readYaml(readTextFile(expandPath(file)));
  } catch (error) {
    throw new SettingsError(`${file}: ${error instanceof YamlError ? error.message : fileFault(error)}`);
  }
  if (parsed === null) return {};
  if (!isPlainObject(parsed)) throw new SettingsError(`${file}: must be an object of settings`);
  return withoutNulls(parsed);
}

/** `["apiServer", "http", "port"]` of every setting. */
export const settingPaths = (schema: z.ZodObject): string[][] => [...leaves(schema)].map(([path]) => path);

function* leaves(schema: z.ZodType, path: string[] = []): Generator<[string[], z.ZodType]> {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    for (const [key, child] of Object.entries(inner.shape)) yield* leaves(child as z.ZodType, [...path, key]);
  } else {
    yield [path, schema];
  }
}

function unwrap(schema: z.ZodType): z.ZodType {
  let current: z.ZodType = schema;
  while (
    current instanceof z.ZodDefault ||
    current instanceof z.ZodOptional ||
    current instanceof z.ZodPrefault ||
    current instanceof z.ZodNullable
  ) {
    current = current.unwrap() as z.ZodType;
  }
  return current;
}

function coerce(schema: z.ZodType, text: string): unknown {
  const leaf = unwrap(schema);
  if (leaf instanceof z.ZodNumber) return text.trim() === "" ? Number.NaN : Number.isNaN(Number(text)) ? text : Number(text);
  if (leaf instanceof z.ZodBoolean) return text === "true" ? true : text === "false" ? false : text;
  if (leaf instanceof z.ZodArray) return text === "" ? [] : text.split(",");
  return text;
}

/** Kuma's file has every key; empty texts there ask for what is usual. */
const isNothing = (schema: z.ZodType, value: unknown): boolean =>
  value === "" && unwrap(schema) instanceof z.ZodString && (schema instanceof z.ZodOptional || !schema.safeParse("").success);

/** A number or a truth value where a text is wanted is that text, as for Kuma: the file of a zone may say `name: 12`. */
const asText = (schema: z.ZodType, value: unknown): unknown =>
  unwrap(schema) instanceof z.ZodString && (typeof value === "number" || typeof value === "boolean") ? String(value) : value;

const isMilliseconds = (path: readonly string[], schema: z.ZodType): boolean =>
  path.at(-1)!.endsWith("Ms") && unwrap(schema) instanceof z.ZodNumber;

function milliseconds(value: unknown): unknown {
  if (typeof value !== "string") return value;
  const parsed = parseGoDuration(value);
  return "error" in parsed ? value : Number(parsed.nanoseconds) / 1e6;
}

function valueAt(values: Record<string, unknown>, path: readonly string[]): unknown {
  let node: unknown = values;
  for (const part of path) node = isPlainObject(node) ? node[part] : undefined;
  return node;
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = target;
  for (const part of path.slice(0, -1)) node = (node[part] ??= {}) as Record<string, unknown>;
  node[path.at(-1)!] = value;
}

function unassign(target: Record<string, unknown>, path: readonly string[]): void {
  const parent = valueAt(target, path.slice(0, -1));
  if (isPlainObject(parent)) delete parent[path.at(-1)!];
}

function withoutNulls(values: Record<string, unknown>): Record<string, unknown> {
  const kept = Object.entries(values).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(kept.map(([key, value]) => [key, isPlainObject(value) ? withoutNulls(value) : value]));
}

function merge(target: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    if (value === undefined) continue;
    const current = target[key];
    if (isPlainObject(value) && isPlainObject(current)) merge(current, value);
    else target[key] = value;
  }
}

const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
