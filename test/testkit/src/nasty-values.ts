type Document = Record<string, unknown>;

export interface NastyVariant {
  what: string;
  document: Document;
}

const texts = [
  "",
  "a\nb",
  "a\0b",
  "%NOPE%",
  "%",
  "100%",
  "(",
  "(?=a)",
  "host",
  ":path",
  "*",
  "ä💥",
  " ",
  "x".repeat(20_000),
  "../..",
  "$[]{}\\",
];
const numbers = [0, -1, 1, 5, 99, 600, 1000, 65_536, 4_294_967_295, 4_294_967_296, 1.5, 1e300];
const durations = ["0s", "1ns", "10ms", "-1s", "999999h", "2562047h47m16s", "1", ""];

/** Of files that Envoys write: nothing that would be made where the test runs. */
const files = ["", "/nowhere/at/all", "/nowhere/%NOPE%", "/"];
const isFile = (path: Path): boolean =>
  path.at(-1) === "eventLogPath" || (path.at(-1) === "path" && (path[0] === "logging" || path.at(-2) === "file"));

type Path = (string | number)[];

function* leaves(value: unknown, path: Path = []): Generator<{ path: Path; value: string | number }> {
  if (typeof value === "string" || typeof value === "number") yield { path, value };
  else if (Array.isArray(value)) for (const [index, one] of value.entries()) yield* leaves(one, [...path, index]);
  else if (typeof value === "object" && value !== null)
    for (const [key, one] of Object.entries(value)) {
      if (path.length === 0 && ["type", "mesh", "name"].includes(key)) continue;
      yield* leaves(one, [...path, key]);
    }
}

function changed(document: Document, path: Path, value: unknown): Document {
  const copy = structuredClone(document);
  let at = copy as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) at = at[step] as Record<string | number, unknown>;
  at[path.at(-1)!] = value;
  return copy;
}

/** Chooses a share of the values, the same ones each time. */
function chosen<Value>(values: readonly Value[], share: number, seed: number): Value[] {
  const count = Math.max(1, Math.round(values.length * share));
  return Array.from({ length: count }, (_, index) => values[(seed * 7 + index * Math.ceil(values.length / count)) % values.length]!);
}

const titled = (path: Path, value: unknown): string => `${path.join(".")} = ${JSON.stringify(value)?.slice(0, 60)}`;

/** A document with its texts and numbers made nasty one by one: of each field a share of the values, one at least, the same ones each time; of `every` fields one. */
export function* nastyVariants(document: Document, share: number, every = 1): Generator<NastyVariant> {
  let seed = 0;
  for (const [index, { path, value }] of [...leaves(document)].entries()) {
    if (index % every !== 0) continue;
    const isDuration = typeof value === "string" && /^\d+(?:ns|ms|s|m|h)$/.test(value);
    const values: readonly unknown[] = isFile(path) ? files : typeof value === "number" ? numbers : isDuration ? durations : texts;
    for (const one of new Set(chosen(values, share, seed++))) yield { what: titled(path, one), document: changed(document, path, one) };
  }
}

const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: [deep(levels - 1)] });
const prototype = (): unknown => JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}');

/** A document with every value, lists and objects too, of a wrong type, very deep, or with names that objects have by themselves. */
export function* misshapenVariants(document: Document): Generator<NastyVariant> {
  for (const path of places(document)) {
    for (const one of [null, true, 1e308, "toString", [], {}, [null], [[]], deep(200), prototype()]) {
      yield { what: titled(path, one), document: changed(document, path, one) };
    }
    for (const name of ["__proto__", "constructor", "hasOwnProperty"]) {
      const inside = Object.defineProperty({}, name, { value: "x", enumerable: true });
      yield { what: `${path.join(".")} has a ${name}`, document: changed(document, path, inside) };
    }
  }
}

function* places(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, one] of Object.entries(value)) {
    if (path.length === 0 && ["type", "mesh", "name"].includes(key)) continue;
    yield* places(one, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}
