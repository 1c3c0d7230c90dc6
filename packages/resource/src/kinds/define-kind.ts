import type { Kind, ParsedSpec } from "../kind.ts";
import type { Violation } from "../resource.ts";
import type { Codec } from "../schema/codec.ts";
import { ParseError } from "../schema/parse-error.ts";

/** Yields every reason why a spec is not valid. Pure. */
export type Validator<Spec> = (spec: Spec) => Iterable<Violation>;

/** Where configuration flows. Source: Kuma's KDS flags of each type. */
export type Flow = "globalToZone" | "zoneToGlobal" | "betweenZones";

/** What the table of kinds says of a kind, apart from its spec. */
export interface MetaRow {
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
  /** Where the rules of English do not give it. */
  displayedPlural?: string;
}

interface KindRow<Spec> extends MetaRow {
  schema: Codec<Spec>;
  /** Completes the stored spec with the defaults that this kind writes down. */
  defaults?: (spec: Spec) => Spec;
  validate?: Validator<Spec>;
}

/** A kind whose spec follows protobuf's JSON mapping. */
export function defineKind<Spec>(row: KindRow<Spec>): Kind {
  const { schema, defaults, validate } = row;
  return {
    ...kindMeta(row),
    plugin: false,
    hasStatus: false,
    parseSpec(raw, { asWritten = false } = {}): ParsedSpec {
      return readSpec(() => {
        const spec = schema.read(raw ?? {});
        const violations = validate ? [...validate(spec)] : [];
        if (violations.length > 0) return { violations };
        return { spec: defaults && !asWritten ? defaults(spec) : spec };
      });
    },
  };
}

export function readSpec(read: () => ParsedSpec): ParsedSpec {
  try {
    return read();
  } catch (error) {
    if (error instanceof ParseError) return { parseError: error.message };
    throw error;
  }
}

export function kindMeta(row: MetaRow): Omit<Kind, "plugin" | "hasStatus" | "parseSpec"> {
  const plural = row.args === null ? "" : (row.args?.[1] ?? row.path);
  const singular = row.args === null ? "" : (row.args?.[0] ?? row.path.replace(/ies$/, "y").replace(/s$/, ""));
  const words = row.type.replaceAll(/([a-z])([A-Z])/g, "$1 $2").replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2");
  return {
    type: row.type,
    scope: row.scope,
    path: row.path,
    singular,
    plural,
    displayName: { singular: words, plural: row.displayedPlural ?? pluralOf(words) },
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
