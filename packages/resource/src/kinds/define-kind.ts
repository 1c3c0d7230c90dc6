import type { Kind, ParsedSpec } from "../kind.ts";
import type { Violation } from "../resource.ts";
import { type Codec, isObject, requireShallow } from "../schema/codec.ts";
import { ParseError } from "../schema/parse-error.ts";
import { pluginPolicySchema } from "../specs/plugin-policy.ts";
import { violationsOfZod } from "../validators/violation.ts";

/** Yields every reason why a spec is not valid. Pure. */
export type Validator<Spec> = (spec: Spec) => Iterable<Violation>;

/** Where configuration flows. Source: Kuma's KDS flags of each type. */
export type Flow = "globalToZone" | "zoneToGlobal" | "betweenZones";

interface KindRow<Spec> {
  type: string;
  scope: "mesh" | "global";
  path: string;
  /** Defaults: singular and plural of the path; null for kinds without a command-line name. */
  args?: readonly [singular: string, plural: string] | null;
  flows: readonly Flow[];
  writable: readonly ("global" | "zone")[];
  policy?: boolean;
  adminOnly?: boolean;
  internal?: boolean;
  namespaced?: boolean;
  schema: Codec<Spec>;
  /** Completes the stored spec with the defaults that this kind writes down. */
  defaults?: (spec: Spec) => Spec;
  validate?: Validator<Spec>;
}

/** A kind whose spec follows protobuf's JSON mapping. */
export function defineKind<Spec>(row: KindRow<Spec>): Kind {
  const { schema, defaults, validate } = row;
  return {
    ...meta(row),
    plugin: false,
    parseSpec(raw): ParsedSpec {
      return readSpec(() => {
        const spec = schema.read(raw ?? {});
        const violations = validate ? [...validate(spec)] : [];
        if (violations.length > 0) return { violations };
        return { spec: defaults ? defaults(spec) : spec };
      });
    },
  };
}

/** A kind that is stored and served as written, and has no effect on proxies. */
export function definePluginPolicy(type: string, path: string): Kind {
  return {
    ...meta({
      type,
      scope: "mesh",
      path,
      flows: ["globalToZone", "zoneToGlobal", "betweenZones"],
      writable: ["global", "zone"],
      policy: true,
      namespaced: true,
    }),
    plugin: true,
    warning: `${type} is stored but does not take effect on this control plane: use the policies with sources and destinations`,
    parseSpec(raw): ParsedSpec {
      if (raw !== undefined && raw !== null && !isObject(raw)) return { violations: [{ field: "spec", reason: "must be an object" }] };
      return readSpec(() => {
        requireShallow(raw);
        const parsed = pluginPolicySchema.safeParse(raw ?? {});
        return parsed.success ? { spec: parsed.data } : { violations: violationsOfZod("spec", parsed.error) };
      });
    },
  };
}

function readSpec(read: () => ParsedSpec): ParsedSpec {
  try {
    return read();
  } catch (error) {
    if (error instanceof ParseError) return { parseError: error.message };
    throw error;
  }
}

function meta(row: Omit<KindRow<never>, "schema" | "validate" | "defaults">): Omit<Kind, "plugin" | "parseSpec"> {
  const plural = row.args === null ? "" : (row.args?.[1] ?? row.path);
  const singular = row.args === null ? "" : (row.args?.[0] ?? row.path.replace(/ies$/, "y").replace(/s$/, ""));
  const words = row.type.replaceAll(/([a-z])([A-Z])/g, "$1 $2").replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
  return {
    type: row.type,
    scope: row.scope,
    path: row.path,
    singular,
    plural,
    displayName: { singular: words, plural: pluralOf(words) },
    policy: row.policy ?? false,
    adminOnly: row.adminOnly ?? false,
    readOnly: row.writable.length === 0,
    internal: row.internal ?? false,
    writableOn: { global: row.writable.includes("global"), zone: row.writable.includes("zone") },
    sync: {
      globalToZone: row.flows.includes("globalToZone"),
      zoneToGlobal: row.flows.includes("zoneToGlobal"),
      betweenZones: row.flows.includes("betweenZones"),
    },
    namespaced: row.namespaced ?? false,
  };
}

function pluralOf(words: string): string {
  if (/[^aeiou]y$/.test(words)) return words.replace(/y$/, "ies");
  return /(s|sh|ch|x)$/.test(words) ? `${words}es` : `${words}s`;
}
