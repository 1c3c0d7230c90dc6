import { expect, test } from "vitest";
import { parseJson, renderJson } from "./json-text.ts";

const parse = (source: string) => parseJson(new TextEncoder().encode(source));

test("JSON that is too deep is refused, not a crash", () => {
  expect(parse("[".repeat(200_000))).toEqual({ error: "exceeded max depth" });
  expect(parse(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`)).toEqual({ error: "exceeded max depth" });
});

test("brackets in strings are no depth", () => {
  expect(parse(JSON.stringify("[".repeat(1000)))).toEqual({ value: "[".repeat(1000) });
});

test("what is wrong with a body is said in known words", () => {
  expect(parse('{"type": ')).toEqual({ error: "unexpected end of JSON input" });
  expect(parse("{,}")).toEqual({ error: "invalid character ',' looking for beginning of object key string" });
});

test("answers have one space of indent and end with a newline", () => {
  expect(renderJson({ a: [1], b: [], c: {} })).toBe('{\n "a": [\n  1\n ],\n "b": [],\n "c": {}\n}\n');
});
