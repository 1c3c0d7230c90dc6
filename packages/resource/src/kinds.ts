import type { Kind } from "./kind.ts";
import { internalKinds } from "./kinds/internal.ts";
import { meshKinds } from "./kinds/mesh.ts";
import { pluginKinds } from "./kinds/plugin-kinds.ts";
import { policyKinds } from "./kinds/policies.ts";
import { systemKinds } from "./kinds/system.ts";

/** Every kind, sorted by type. */
export const kinds: readonly Kind[] = [...systemKinds, ...meshKinds, ...policyKinds, ...pluginKinds, ...internalKinds].toSorted((a, b) =>
  a.type < b.type ? -1 : 1,
);

const byType = new Map(kinds.map((kind) => [kind.type, kind]));
const byPath = new Map(kinds.filter((kind) => kind.path !== "").map((kind) => [kind.path, kind]));

/** The kind of a resource's `type`. */
export const kindOf = (type: string): Kind | undefined => byType.get(type);

/** Kinds that hold in a zone whether global or the zone wrote them. Services have an account of their own in each zone, and are not among them. */
export const isWrittenOnBothSides = ({ scope, hasStatus, writableOn }: Kind): boolean =>
  scope === "mesh" && !hasStatus && writableOn.global && writableOn.zone;

/** The kind whose collection has this last URL segment. */
export const kindOfPath = (path: string): Kind | undefined => byPath.get(path);
