import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import { z } from "zod";

/** Raised at start-up: names every setting that is wrong, by its path and its environment variable. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

export interface SettingsSource {
  /** YAML or JSON file, with the nesting of the schema. */
  file?: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Values that win over file and environment (command line flags, tests). Nested as the schema. */
  overrides?: Record<string, unknown>;
}

/**
 * Reads settings: defaults of the schema, then the file, then `KUMA_X`, then `ATOLL_X`, then overrides. The variable of
 * `apiServer.http.port` is `ATOLL_API_SERVER_HTTP_PORT`. Text from the environment is coerced to what the schema wants.
 */
export function loadSettings<Schema extends z.ZodObject>(schema: Schema, source: SettingsSource): z.infer<Schema> {
  const values = structuredClone(source.file === undefined ? {} : parseYaml(readFileSync(source.file, "utf8"))) ?? {};
  for (const [path, leaf] of leaves(schema)) {
    const name = variableName(path);
    const text = source.env[`ATOLL_${name}`] ?? source.env[`KUMA_${name}`];
    if (text !== undefined) assign(values, path, coerce(leaf, text));
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

/** Variables that say nothing to any service: of the launcher, and of kuma-dp. */
const foreign = /^(ATOLL_BUNDLE|(KUMA|ATOLL)_(DATAPLANE|CONTROL_PLANE|READINESS|DNS(?!_SERVER)|APPLICATION_PROBE_PROXY)_.*)$/;

/** Names of `ATOLL_*` and `KUMA_*` variables that are set but are settings of none of the schemas: mistyped, or not supported. */
export function unknownVariables(schemas: readonly z.ZodObject[], env: SettingsSource["env"]): string[] {
  const known = new Set(schemas.flatMap((schema) => [...leaves(schema)].map(([path]) => variableName(path))));
  return Object.keys(env)
    .filter((name) => /^(ATOLL|KUMA)_/.test(name) && !foreign.test(name) && !known.has(name.replace(/^(ATOLL|KUMA)_/, "")))
    .sort();
}

/** `["apiServer", "http", "port"]` -> `API_SERVER_HTTP_PORT`. */
export function variableName(path: readonly string[]): string {
  return path.map((part) => part.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase()).join("_");
}

function* leaves(schema: z.ZodType, path: string[] = []): Generator<[string[], z.ZodType]> {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodObject) {
    for (const [key, child] of Object.entries(inner.shape)) yield* leaves(child as z.ZodType, [...path, key]);
  } else {
    yield [path, inner];
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
  if (schema instanceof z.ZodNumber) return text.trim() === "" ? Number.NaN : Number(text);
  if (schema instanceof z.ZodBoolean) return text === "true" ? true : text === "false" ? false : text;
  if (schema instanceof z.ZodArray) return text === "" ? [] : text.split(",");
  return text;
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  let node = target;
  for (const part of path.slice(0, -1)) node = (node[part] ??= {}) as Record<string, unknown>;
  node[path.at(-1)!] = value;
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
