/** A generator of numbers in [0, 1) that is the same for the same seed: https://gist.github.com/tommyettinger/46a874533244883189143505d203312c */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const deep = (levels: number): Json => (levels === 0 ? 1 : { a: [deep(levels - 1)] });

const oddValues: readonly (() => Json)[] = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => 2 ** 53,
  () => 1e308,
  () => "",
  () => " ",
  () => "\u0000",
  () => "💥",
  () => "a".repeat(5_000),
  () => "-1s",
  () => "99999999999999999999h",
  () => "{{.a",
  () => "*",
  () => "../../etc/passwd",
  () => "[",
  () => "(?<",
  () => "constructor",
  () => [],
  () => {
    return {};
  },
  () => [[]],
  () => [null],
  () => JSON.parse('{"__proto__":{"polluted":1}}') as Json,
  () => deep(60),
];

const oddKeys = ["__proto__", "constructor", "toString", "hasOwnProperty", "", "a.b", "a/b", "TYPE", "type_", "💥", "a".repeat(300)];

/** A text made from a valid document by one to three changes: values, keys, structure or bytes. */
export function mutate(document: unknown, random: () => number): Buffer {
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!;
  let mutated = structuredClone(document) as Json;
  const changes = 1 + Math.floor(random() * 3);
  for (let i = 0; i < changes; i++) mutated = changeOne(mutated, random, pick);
  const text = Buffer.from(JSON.stringify(mutated));
  return random() < 0.25 ? corrupted(text, random) : text;
}

function changeOne(value: Json, random: () => number, pick: <Item>(items: readonly Item[]) => Item): Json {
  if (typeof value !== "object" || value === null || random() < 0.12) return pick(oddValues)();
  if (Array.isArray(value)) {
    if (value.length === 0 || random() < 0.3) return [...value, value.length > 0 && random() < 0.5 ? pick(value) : pick(oddValues)()];
    const at = Math.floor(random() * value.length);
    return random() < 0.2 ? value.toSpliced(at, 1) : value.with(at, changeOne(value[at]!, random, pick));
  }
  const keys = Object.keys(value);
  const choice = random();
  if (keys.length === 0 || choice < 0.15) return own(value, pick(oddKeys), pick(oddValues)());
  const key = pick(keys);
  if (choice < 0.3) return Object.fromEntries(Object.entries(value).filter(([each]) => each !== key));
  if (choice < 0.36) return own(value, key.toUpperCase(), value[key]!);
  return own(value, key, changeOne(value[key]!, random, pick));
}

/** As `{...value, [key]: entry}`, for keys like `__proto__` too. */
const own = (value: { [key: string]: Json }, key: string, entry: Json): Json =>
  Object.fromEntries([...Object.entries(value), [key, entry]]);

function corrupted(text: Buffer, random: () => number): Buffer {
  const at = Math.floor(random() * text.length);
  const choice = random();
  if (choice < 0.3) return text.subarray(0, at);
  if (choice < 0.6) return Buffer.concat([text.subarray(0, at), Buffer.from([Math.floor(random() * 256)]), text.subarray(at + 1)]);
  if (choice < 0.8) return Buffer.concat([text, text.subarray(0, at)]);
  return Buffer.concat([text.subarray(0, at), Buffer.from("[".repeat(2_000)), text.subarray(at)]);
}
