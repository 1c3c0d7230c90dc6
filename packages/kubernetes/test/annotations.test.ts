import { expect, test } from "vitest";
import {
  aggregatedApplications,
  annotation,
  meshOf,
  readBoolean,
  readDurationNs,
  readEnabled,
  readList,
  readMap,
  readUint32,
} from "../src/annotations.ts";

const of = (value: string) => ({ "a/b": value });

test("switches know their words and no others", () => {
  for (const word of ["true", "yes", "enabled"]) expect(readEnabled(of(word), "a/b")).toBe(true);
  for (const word of ["false", "no", "disabled"]) expect(readEnabled(of(word), "a/b")).toBe(false);
  expect([readBoolean(of("yes"), "a/b"), readBoolean(of("no"), "a/b")]).toEqual([true, false]);
  expect(() => readBoolean(of("enabled"), "a/b")).toThrow('annotation "a/b" has wrong value "enabled"');
  for (const word of ["", "True", "on", "constructor"]) {
    expect(() => readEnabled(of(word), "a/b")).toThrow(`annotation "a/b" has wrong value "${word}"`);
  }
});

test("whole numbers below 2^32", () => {
  expect([readUint32(of("0"), "a/b"), readUint32(of("4294967295"), "a/b")]).toEqual([0, 4_294_967_295]);
  for (const [text, reason] of [
    ["", "invalid syntax"],
    ["-1", "invalid syntax"],
    ["1.5", "invalid syntax"],
    ["0x10", "invalid syntax"],
    ["4294967296", "value out of range"],
  ] as const) {
    expect(() => readUint32(of(text), "a/b")).toThrow(`failed to parse annotation "a/b": strconv.ParseUint: parsing "${text}": ${reason}`);
  }
});

test("durations, lists and maps", () => {
  expect(readDurationNs(of("1m30s"), "a/b")).toBe(90_000_000_000n);
  expect(() => readDurationNs(of("30"), "a/b")).toThrow('failed to parse annotation "a/b": time: missing unit in duration "30"');
  expect(readList(of(",x,, y,"), "a/b")).toEqual(["x", " y"]);
  expect(readMap(of("A=1;B="), "a/b")).toEqual({ A: "1", B: "" });
  for (const text of ["", "A", "A=1=2", "A=1;"]) {
    expect(() => readMap(of(text), "a/b")).toThrow('Map in "a/b" has to be provided in the following format: key1=value1;key2=value2');
  }
});

test("what is not there is undefined", () => {
  for (const read of [readEnabled, readBoolean, readUint32, readDurationNs, readList, readMap]) {
    expect([read(undefined, "a/b"), read({}, "a/b")]).toEqual([undefined, undefined]);
  }
});

test("the mesh: a pod's own word counts before its namespace's, a label before an annotation", () => {
  const [label, note] = [{ labels: { [annotation.mesh]: "label" } }, { annotations: { [annotation.mesh]: "note" } }];
  const metadata = (...parts: object[]) => ({ metadata: Object.assign({}, ...parts) as object });
  expect(meshOf(metadata(label, note), metadata())).toBe("label");
  expect(meshOf(metadata(note), metadata(label))).toBe("note");
  expect(meshOf(metadata(), metadata(label, note))).toBe("label");
  expect(meshOf(metadata(), metadata(note))).toBe("note");
  expect(meshOf(metadata({ labels: { [annotation.mesh]: "" } }), undefined)).toBe("default");
});

test("applications whose metrics a pod offers", () => {
  const key = (name: string, what: string) => `prometheus.metrics.kuma.io/aggregate-${name}-${what}`;
  const annotations = { [key("web-1", "port")]: "1", [key("app", "path")]: "/", [key("app", "enabled")]: "no", [key("x", "address")]: "y" };
  expect(aggregatedApplications(annotations)).toEqual(["app", "web-1"]);
});
