import { expect, test } from "vitest";
import { decodeText, readYaml, readYamlStream, YamlError } from "../src/index.ts";

/** What `kumactl apply --dry-run` of 2.10.11 makes of each, written below a field that takes any value. */
const spellings: readonly (readonly [yaml: string, value: unknown])[] = [
  ["v: yes", { v: true }],
  ["v: Yes", { v: true }],
  ["v: no", { v: false }],
  ["v: NO", { v: false }],
  ["v: on", { v: true }],
  ["v: Off", { v: false }],
  ["v: y", { v: true }],
  ["v: N", { v: false }],
  ["v: True", { v: true }],
  ["v: tRUE", { v: "tRUE" }],
  ['v: "yes"', { v: "yes" }],
  ["v: 'no'", { v: "no" }],
  ["v: !!str yes", { v: "yes" }],
  ["v: !!bool on", { v: true }],
  ["v: ~", { v: null }],
  ["v: null", { v: null }],
  ["v: Null", { v: null }],
  ["v: nULL", { v: "nULL" }],
  ["v:", { v: null }],
  ['v: ""', { v: "" }],
  ['v: "~"', { v: "~" }],
  ["v: 010", { v: 8 }],
  ["v: 0o10", { v: 8 }],
  ["v: 08", { v: 8 }],
  ["v: 0b101", { v: 5 }],
  ["v: 0b12", { v: "0b12" }],
  ["v: 0x1F", { v: 31 }],
  ["v: 0x1G", { v: "0x1G" }],
  ["v: -0x1f", { v: -31 }],
  ["v: 1_000", { v: 1000 }],
  ["v: 1_0.5", { v: 10.5 }],
  ["v: _1", { v: "_1" }],
  ["v: +5", { v: 5 }],
  ["v: 1e3", { v: 1000 }],
  ["v: 1.", { v: 1 }],
  ["v: .5", { v: 0.5 }],
  ["v: 1.2.3", { v: "1.2.3" }],
  ["v: 1:30", { v: "1:30" }],
  ["v: 190:20:30", { v: "190:20:30" }],
  ['v: "010"', { v: "010" }],
  ['v: !!int "3"', { v: 3 }],
  ["v: !!float 3", { v: 3 }],
  ["v: 9007199254740991", { v: 9007199254740991 }],
  ["v: -0", { v: 0 }],
  ["v: 2001-01-01", { v: "2001-01-01" }],
  ["v: 2001-12-14t21:59:43.10-05:00", { v: "2001-12-14t21:59:43.10-05:00" }],
  ["v: 1.10", { v: 1.1 }],
  ["v: 10m", { v: "10m" }],
  ["v: 50%", { v: "50%" }],
  ["v: 1,000", { v: "1,000" }],
  ["v: http://x:80/y", { v: "http://x:80/y" }],
  ["v: a#b", { v: "a#b" }],
  ["v: a #b", { v: "a" }],
  ['v: "a"#b', { v: "a" }],
  ["v: [1, yes, a]", { v: [1, true, "a"] }],
  ["v: [a, b,]", { v: ["a", "b"] }],
  ["v: {a: 010, b: off}", { v: { a: 8, b: false } }],
  ["v: {a, b}", { v: { a: null, b: null } }],
  ["v: [a: 1, b: 2]", { v: [{ a: 1 }, { b: 2 }] }],
  ["v: {a:1}", { v: { "a:1": null } }],
  ['v: {"a":1}', { v: { a: 1 } }],
  ["v: |\n  a\n  b", { v: "a\nb\n" }],
  ["v: >-\n  a\n  b\n\n  c", { v: "a b\nc" }],
  ["v: |2\n    a", { v: "  a\n" }],
  ["v: one\n  two", { v: "one two" }],
  ['v: "one\n  two"', { v: "one two" }],
  ["v: 'it''s'", { v: "it's" }],
  ['v: "\\x41\\u00e9\\t"', { v: "Aé\t" }],
  ["yes: 1", { true: 1 }],
  ["010: 1", { "8": 1 }],
  ["1.50: a", { "1.5": "a" }],
  ['"010": 1', { "010": 1 }],
  ["2001-01-01: a", { "2001-01-01": "a" }],
  ["on: [off]", { true: [false] }],
  ["1e3: a", { "1000": "a" }],
  ["? a\n: b", { a: "b" }],
  ["a: 1\na: 2", { a: 2 }],
  ["b: {x: 1}\nb: {y: 2}", { b: { true: 2 } }],
  ["a: &x {p: 1, q: 2}\nv: *x", { a: { p: 1, q: 2 }, v: { p: 1, q: 2 } }],
  ["a: &x [1]\nv: [*x, *x]", { a: [1], v: [[1], [1]] }],
  ["a: &x {p: 1, q: 2}\nv:\n  <<: *x\n  q: 3", { a: { p: 1, q: 2 }, v: { p: 1, q: 3 } }],
  ["a: &x {p: 1, q: 2}\nv:\n  q: 3\n  <<: *x", { a: { p: 1, q: 2 }, v: { p: 1, q: 2 } }],
  ["a: &x {p: 1}\nb: &y {p: 2, q: 2}\nv:\n  <<: [*x, *y]\n  r: 3", { a: { p: 1 }, b: { p: 2, q: 2 }, v: { p: 1, q: 2, r: 3 } }],
  ["v: {<<: {p: 1}, q: 2}", { v: { p: 1, q: 2 } }],
  ["a: &x {p: 1}\nb: &y {<<: *x, q: 2}\nv: {<<: *y}", { a: { p: 1 }, b: { p: 1, q: 2 }, v: { p: 1, q: 2 } }],
  ['v: {"<<": {p: 1}}', { v: { "<<": { p: 1 } } }],
  ["a: &x 1\nb: &x 2\nv: *x", { a: 1, b: 2, v: 2 }],
  ["v: !!merge <<", { v: "<<" }],
  ["v: <<", { v: "<<" }],
  ["v: !!binary aGVsbG8=", { v: "hello" }],
  ["v: !own 010", { v: "010" }],
  ["v: ! 12", { v: "12" }],
  ["v: 1e400", { v: "1e400" }],
  ["v: -.5", { v: -0.5 }],
  ["v: 18446744073709551616", { v: 18446744073709552000 }],
  ["v: a\tb", { v: "a\tb" }],
  ["v:\n- a\n- b", { v: ["a", "b"] }],
  ["v: # only a comment", { v: null }],
  ["v: !!set {a, b}", { v: { a: null, b: null } }],
  ["v: !!timestamp 2001-01-01", { v: "2001-01-01" }],
];

test.each(spellings)("%j", (yaml, value) => {
  expect(readYaml(`${yaml}\n`)).toEqual(value);
});

/** What it refuses, in our words. */
const refused: readonly (readonly [yaml: string, message: string])[] = [
  ["~: 1", "line 1, column 1: unsupported map key: null"],
  ["[a]: 1", 'line 1, column 1: invalid map key: ["a"]'],
  ["v: {<<: 1}", "line 1, column 9: map merge requires map or sequence of maps as the value"],
  ["a: &x [1]\nv: {<<: *x}", "line 2, column 9: map merge requires map or sequence of maps as the value"],
  ["v: *nowhere", "line 1, column 4: unknown anchor 'nowhere' referenced"],
  ["v: &x [*x]", "line 1, column 8: anchor 'x' value contains itself"],
  ["v: &x {<<: *x}", "line 1, column 12: anchor 'x' value contains itself"],
  ["v: !!binary aGVsbG8", "line 1, column 13: !!binary value contains invalid base64 data"],
  ["v: !!int x", "line 1, column 10: cannot decode !!str `x` as a !!int"],
  ["v: .inf", "line 1, column 4: json: unsupported value: +Inf"],
  ["v: .NaN", "line 1, column 4: json: unsupported value: NaN"],
  ["v: a: b", "line 1, column 4: mapping values are not allowed in this context"],
  ["v: [a", "line 1, column 6: Flow sequence in block collection must be sufficiently indented and end with a ]"],
  ['v: "a', 'line 1, column 6: Missing closing "quote'],
  ["v: @a", "line 1, column 4: Plain value cannot start with reserved character @"],
  ["v: `a`", "line 1, column 4: Plain value cannot start with reserved character `"],
  ["v: %a", "line 1, column 4: Plain value cannot start with directive indicator character %"],
  ["v: *", "line 1, column 4: Alias cannot be an empty string"],
  ["v: {a: 1}}", 'line 1, column 10: Unexpected flow-map-end token in YAML stream: "}"'],
  [" a: 1\nb: 2", "line 2, column 1: Unexpected scalar at node end"],
  ["v:\n\ta: 1", "line 2, column 1: Tabs are not allowed as indentation"],
  ["v: - a", "line 1, column 4: Unexpected block-seq-ind on same line with key"],
  ["v: ? a", "line 1, column 4: mapping values are not allowed in this context"],
  ['v: "\\q"', "line 1, column 5: Invalid escape sequence \\q"],
  ["v: a\nb", "line 2, column 1: Implicit map keys need to be followed by map values"],
  ["v: &a: 1", 'line 1, column 8: the anchor "a:" may have letters, digits, - and _ only'],
  ["v: !!timestamp 5", "line 1, column 16: cannot decode !!int `5` as a !!timestamp"],
  ["v: !!null x", "line 1, column 11: cannot decode !!str `x` as a !!null"],
];

test.each(refused)("%j is refused, with its place", (yaml, message) => {
  expect(() => readYaml(yaml)).toThrow(new YamlError(message.replace(/^line \d+, column \d+: /, ""), placeOf(message)));
});

const placeOf = (message: string) => {
  const [, line, column] = /^line (\d+), column (\d+): /.exec(message)!;
  return { line: Number(line), column: Number(column) };
};

test("a block at the end of a text has the line end that is there", () => {
  for (const [text, value] of [
    ["v: |\n  a", "a"],
    ["v: |\n  a\n", "a\n"],
    ["v: |+\n  a\n\n", "a\n\n"],
    ["v: |+\n  a", "a"],
    ["v: >\n  a\n  b", "a b"],
    ["v: |-\n  a", "a"],
    ["- w\n- |\n  a", "a"],
  ] as const)
    expect(Object.values(readYaml(text) as object).at(-1)).toBe(value);
});

test("a short text does not stand for a huge one", () => {
  const levels = Array.from({ length: 9 }, (_, level) => `l${level + 1}: &l${level + 1} [${`*l${level}, `.repeat(9)}]`);
  expect(() => readYaml(`l0: &l0 [a]\n${levels.join("\n")}\n`)).toThrow("document contains excessive aliasing");
  const many = `base: &base {p: 1, q: 2}\n${Array.from({ length: 2_000 }, (_, index) => `k${index}: {<<: *base}`).join("\n")}`;
  expect(readYaml(many)).toMatchObject({ k1999: { p: 1, q: 2 } });
});

test("a text that is nested without end is refused", () => {
  expect(() => readYaml("[".repeat(20_000))).toThrow(YamlError);
});

test("a stream says where its documents begin; line ends may be any of the three", () => {
  expect(readYamlStream("# head\r\n---\r\na: 1\r\n---\r\n---\r\n\r\nb: yes\r\n...\r\n")).toEqual([
    { value: { a: 1 }, line: 3 },
    { value: null, line: 4 },
    { value: { b: true }, line: 7 },
  ]);
  expect(readYaml("a: 1\rb: 2\r")).toEqual({ a: 1, b: 2 });
  expect(() => readYamlStream("a: 1\n---\nb: *x\n")).toThrow("line 3, column 4: unknown anchor 'x' referenced");
  expect(readYaml("")).toBeNull();
});

test("names that mean something to JavaScript are keys like others", () => {
  expect(Object.entries(readYaml("__proto__: {x: 1}\nconstructor: 2") as object)).toEqual([
    ["__proto__", { x: 1 }],
    ["constructor", 2],
  ]);
});

test("control characters are refused, byte order marks are not", () => {
  expect(() => readYaml("a: b\nc: \u0007")).toThrow("line 2, column 4: control characters are not allowed");
  expect(readYaml("\ufeffa: 1")).toEqual({ a: 1 });
  expect(decodeText(Buffer.from("\ufeffa: é", "utf16le"))).toBe("a: é");
  expect(decodeText(Buffer.from("\ufeffa: é", "utf16le").swap16())).toBe("a: é");
  expect(decodeText(Buffer.from("\ufeffa: é"))).toBe("a: é");
});
