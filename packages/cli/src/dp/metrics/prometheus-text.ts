/** One number of a metric. `name` is the family's, maybe with a suffix such as `_bucket`. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
  timestampMs?: number;
}

export interface MetricFamily {
  name: string;
  help: string;
  /** `counter`, `gauge`, `histogram`, `summary` or `untyped`. */
  type: string;
  samples: Sample[];
}

const suffixes: Readonly<Record<string, readonly string[]>> = {
  counter: ["_total", "_created"],
  histogram: ["_bucket", "_sum", "_count", "_created"],
  summary: ["_sum", "_count", "_created"],
};
/** OpenMetrics has more types; each is one of these to who reads the older form. */
const typeOf = (type: string): string => (type === "counter" || Object.hasOwn(suffixes, type) || type === "gauge" ? type : "untyped");

/**
 * Reads metrics as Prometheus does, in its text format or in OpenMetrics; of a line that is neither nothing is taken.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function parseMetrics(text: string): MetricFamily[] {
  const families = new Map<string, MetricFamily>();
  const family = (name: string): MetricFamily => {
    let known = families.get(name);
    if (known === undefined) families.set(name, (known = { name, help: "", type: "untyped", samples: [] }));
    return known;
  };
  let last: MetricFamily | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("#")) {
      const [, keyword, name, rest = ""] = /^#\s+(HELP|TYPE)\s+(\S+)(?:\s(.*))?$/.exec(line.trimEnd()) ?? [];
      if (keyword === undefined) continue;
      last = family(name!);
      if (keyword === "TYPE") last.type = typeOf(rest.trim());
      else last.help = rest;
      continue;
    }
    const sample = parseSample(line);
    if (sample === undefined) continue;
    const { name } = sample;
    const isOfLast = last && (name === last.name || (suffixes[last.type] ?? []).some((suffix) => name === last!.name + suffix));
    (isOfLast ? last! : family(name)).samples.push(sample);
  }
  return [...families.values()].filter(({ samples }) => samples.length > 0);
}

const name = /[a-zA-Z_:][a-zA-Z0-9_:.]*/y;
const label = /\s*([a-zA-Z_][a-zA-Z0-9_.]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?/y;

function parseSample(line: string): Sample | undefined {
  name.lastIndex = 0;
  const [found] = name.exec(line) ?? [];
  if (found === undefined) return undefined;
  const labels: Record<string, string> = {};
  let at = name.lastIndex;
  if (line[at] === "{") {
    at += 1;
    label.lastIndex = at;
    for (let one = label.exec(line); one !== null; one = label.exec(line)) {
      labels[one[1]!] = one[2]!.includes("\\") ? one[2]!.replaceAll(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char)) : one[2]!;
      at = label.lastIndex;
    }
    at = line.indexOf("}", at) + 1;
    if (at === 0) return undefined;
  }
  const [, written, timestamp] = /^\s+(\S+)(?:\s+(-?[\d.]+))?\s*(?:#.*)?$/.exec(line.slice(at)) ?? [];
  const value = written === undefined ? undefined : numberOf(written);
  if (value === undefined) return undefined;
  return { name: found, labels, value, ...(timestamp === undefined ? {} : { timestampMs: timestampMs(timestamp) }) };
}

function numberOf(written: string): number | undefined {
  if (/^[+-]?inf$/i.test(written)) return written.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(written)) return NaN;
  const value = Number(written);
  return Number.isNaN(value) ? undefined : value;
}

/** OpenMetrics gives seconds, with a fraction. */
const timestampMs = (written: string): number => (written.includes(".") ? Math.round(Number(written) * 1000) : Number(written));

/** Writes families in Prometheus' text format, every sample with the additional labels; its own ones win. */
export function renderMetrics(families: readonly MetricFamily[], more: Readonly<Record<string, string>> = {}): string {
  const lines: string[] = [];
  for (const { name: familyName, help, type, samples } of families) {
    if (help !== "") lines.push(`# HELP ${familyName} ${help}`);
    lines.push(`# TYPE ${familyName} ${type}`);
    for (const { name: sampleName, labels, value, timestampMs: time } of samples) {
      const all = Object.entries({ ...more, ...labels }).map(([key, text]) => `${key}="${escaped(text)}"`);
      lines.push(`${sampleName}${all.length > 0 ? `{${all.join(",")}}` : ""} ${numberText(value)}${time === undefined ? "" : ` ${time}`}`);
    }
  }
  return lines.length > 0 ? `${lines.join("\n")}\n` : "";
}

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
const numberText = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

/**
 * The families of several sources as one list: one that several have is there once, and of samples that cannot be told apart the first
 * alone, as a reader would refuse all of them otherwise.
 */
export function joinFamilies(sources: readonly (readonly MetricFamily[])[]): MetricFamily[] {
  const joined = new Map<string, MetricFamily>();
  const seen = new Map<string, Set<string>>();
  for (const family of sources.flat()) {
    const known = joined.get(family.name);
    if (known === undefined) {
      joined.set(family.name, { ...family, samples: [...family.samples] });
      continue;
    }
    let keys = seen.get(family.name);
    if (keys === undefined) seen.set(family.name, (keys = new Set(known.samples.map(sampleKey))));
    for (const sample of family.samples) {
      const key = sampleKey(sample);
      if (keys.has(key)) continue;
      keys.add(key);
      known.samples.push(sample);
    }
  }
  return [...joined.values()];
}

export const sampleKey = ({ name: sampleName, labels }: Pick<Sample, "name" | "labels">): string =>
  `${sampleName} ${Object.keys(labels)
    .sort()
    .map((key) => `${key}=${JSON.stringify(labels[key])}`)
    .join(",")}`;
