/** Names one mesh object. `mesh` is "" for kinds of global scope. */
export interface ResourceKey {
  type: string;
  mesh: string;
  name: string;
}

declare const keyStringBrand: unique symbol;
/** `type/mesh/name`; orders by type, then mesh, then name. */
export type KeyString = string & { readonly [keyStringBrand]: true };

export const keyString = (key: ResourceKey): KeyString => `${key.type}/${key.mesh}/${key.name}` as KeyString;

/** The types among some keys. */
export const typesOf = (keys: Iterable<KeyString>): Set<string> => new Set([...keys].map((key) => key.slice(0, key.indexOf("/"))));

export function parseKeyString(text: string): ResourceKey {
  const afterType = text.indexOf("/");
  if (afterType < 0) return { type: text, mesh: "", name: "" };
  const afterMesh = text.indexOf("/", afterType + 1);
  if (afterMesh < 0) return { type: text.slice(0, afterType), mesh: text.slice(afterType + 1), name: "" };
  return { type: text.slice(0, afterType), mesh: text.slice(afterType + 1, afterMesh), name: text.slice(afterMesh + 1) };
}

/** A mesh object as stored: spec already validated and defaulted, in lowerCamelCase. */
export interface Resource<Spec = unknown> extends ResourceKey {
  labels?: Record<string, string>;
  spec: Spec;
  /** RFC 3339. */
  creationTime: string;
  modificationTime: string;
  /** Revision of the last change; 0 for resources of zone logs. */
  revision: number;
}

/** What a writer hands in: times and revision are decided by the fold. */
export type ResourceDraft<Spec = unknown> = Pick<Resource<Spec>, "type" | "mesh" | "name" | "labels" | "spec">;

/** One reason why a document is not valid. Serialised as `invalid_parameters` of the REST error body. */
export interface Violation {
  field: string;
  reason: string;
}
