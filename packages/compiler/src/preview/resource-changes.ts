import { createHash } from "node:crypto";
import type { EnvoyResourceChange } from "@atoll/resource";
import { envoyJson } from "@atoll/translate";
import type { EncodedResource } from "@atoll/xds";
import type { EncodedResources } from "../view-encoder.ts";

export interface ResourcePair {
  before?: EncodedResource;
  after?: EncodedResource;
}

/** Resources whose bytes differ, by type and name. */
export function differingResources(before: EncodedResources, after: EncodedResources): ResourcePair[] {
  const pairs: ResourcePair[] = [];
  for (const typeUrl of new Set([...before.keys(), ...after.keys()])) {
    const [old, fresh] = [before.get(typeUrl), after.get(typeUrl)];
    for (const name of new Set([...(old?.keys() ?? []), ...(fresh?.keys() ?? [])])) {
      const pair = { ...optional("before", old?.get(name)), ...optional("after", fresh?.get(name)) };
      if (pair.before?.version !== pair.after?.version) pairs.push(pair);
    }
  }
  return pairs.toSorted((a, b) => (labelOf(a) < labelOf(b) ? -1 : 1));
}

const optional = <Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } =>
  (value === undefined ? {} : { [key]: value }) as { [K in Key]?: Value };

const labelOf = ({ before, after }: ResourcePair): string => {
  const { typeUrl, name } = (after ?? before)!;
  return `${typeUrl} ${name}`;
};

/** Equal for equal changes: the version of a resource is a hash of its bytes. */
export function keyOfChange(pairs: readonly ResourcePair[]): string {
  const hash = createHash("sha256");
  for (const pair of pairs) hash.update(`${labelOf(pair)} ${pair.before?.version ?? "-"} ${pair.after?.version ?? "-"}\n`);
  return hash.digest("hex").slice(0, 16);
}

export function renderChange({ before, after }: ResourcePair): EnvoyResourceChange {
  const { typeUrl, name } = (after ?? before)!;
  const type = typeUrl.slice(typeUrl.lastIndexOf(".") + 1);
  return {
    type,
    name,
    change: before === undefined ? "created" : after === undefined ? "deleted" : "updated",
    ...(before && { before: jsonOf(before) }),
    ...(after && { after: jsonOf(after) }),
  };
}

const jsonOf = ({ typeUrl, bytes }: EncodedResource): unknown => envoyJson(typeUrl, bytes);
