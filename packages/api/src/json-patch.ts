type Json = unknown;
type JsonObject = Record<string, Json>;

/** One operation of RFC 6902, with the old value of what is removed. */
export interface PatchItem {
  op: "test" | "remove" | "add";
  path: string;
  value: Json;
}

const isObject = (value: Json): value is JsonObject => typeof value === "object" && value !== null && !Array.isArray(value);
const isContainer = (value: Json): value is JsonObject | Json[] => typeof value === "object" && value !== null;
const equal = (a: Json, b: Json): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * What makes `after` of `before`, as Kuma's clients are told it: what goes is tested and removed, what comes is added, field by field.
 * Both must have equal fields in the same order where they are equal. https://www.rfc-editor.org/rfc/rfc6902
 */
export const jsonPatch = (before: Json, after: Json): PatchItem[] => differences("", before, after);

function differences(path: string, before: Json, after: Json): PatchItem[] {
  if (equal(before, after)) return [];
  if (isObject(before) && isObject(after)) return ofObjects(path, before, after);
  if (Array.isArray(before) && Array.isArray(after)) return ofLists(path, before, after);
  return [...gone(path, before), ...come(path, after)];
}

const gone = (path: string, value: Json): PatchItem[] => [
  { op: "test", path, value },
  { op: "remove", path, value },
];
const come = (path: string, value: Json): PatchItem[] => [{ op: "add", path, value }];

function ofObjects(path: string, before: JsonObject, after: JsonObject): PatchItem[] {
  const at = (key: string): string => `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
  const keys = (value: JsonObject): string[] => Object.keys(value).toSorted();
  return [
    ...keys(before).flatMap((key) => (key in after ? differences(at(key), before[key], after[key]) : gone(at(key), before[key]))),
    ...keys(after).flatMap((key) => (key in before ? [] : come(at(key), after[key]))),
  ];
}

/** Elements that both lists have in the same order stay; of those between them, objects and lists are compared one by one. */
function ofLists(path: string, before: readonly Json[], after: readonly Json[]): PatchItem[] {
  const common = [...commonElements(before, after), [before.length, after.length] as const];
  const items: PatchItem[] = [];
  let [from, to] = [0, 0];
  for (const [nextFrom, nextTo] of common) {
    // While elements stand at both places, the list so far is as `after` has it, so that `to` is the index in it.
    while (from < nextFrom && to < nextTo && isContainer(before[from]) && isObject(before[from]) === isObject(after[to])) {
      if (!isContainer(after[to])) break;
      items.push(...differences(`${path}/${to}`, before[from++], after[to++]));
    }
    while (from < nextFrom) items.push(...gone(`${path}/${to}`, before[from++]));
    const added = after.slice(to, nextTo).toReversed();
    items.push(...added.flatMap((value) => come(`${path}/${to}`, value)));
    [from, to] = [nextFrom + 1, nextTo + 1];
  }
  return items;
}

/** Indexes in both lists of a longest sequence of equal elements. */
function commonElements(before: readonly Json[], after: readonly Json[]): (readonly [number, number])[] {
  const lengths = Array.from({ length: before.length + 1 }, () => new Array<number>(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i]![j] = equal(before[i], after[j]) ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
    }
  }
  const found: (readonly [number, number])[] = [];
  for (let [i, j] = [0, 0]; i < before.length && j < after.length;) {
    if (equal(before[i], after[j])) found.push([i++, j++]);
    else if (lengths[i + 1]![j]! >= lengths[i]![j + 1]!) i++;
    else j++;
  }
  return found;
}
