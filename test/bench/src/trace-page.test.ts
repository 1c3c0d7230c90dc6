import { readFileSync } from "node:fs";
import { spansOf, type TraceRequest } from "@atoll/testkit/otlp-collector";
import { expect, test } from "vitest";
import { renderTrace } from "./render-trace.ts";

const docs = new URL("../../../docs/", import.meta.url);
const trace = JSON.parse(readFileSync(new URL("trace.json", docs), "utf8")) as TraceRequest;

test("docs/tracing.md shows the trace that is in docs/trace.json", () => {
  const [, table] = /<!-- trace -->\n+([\s\S]*?)\n+<!-- \/trace -->/.exec(readFileSync(new URL("tracing.md", docs), "utf8"))!;
  const cells = (text: string) => text.split("\n").map((line) => line.split("|").map((cell) => cell.trim().replace(/^-+:?$/, "-")));
  expect(cells(table!)).toEqual(cells(renderTrace(trace)));
});

test("docs/trace.json is one trace, of every process on the way", () => {
  const spans = spansOf(trace);
  expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
  const ids = new Set(spans.map(({ spanId }) => spanId));
  expect(spans.filter(({ parentSpanId }) => !ids.has(parentSpanId)).map(({ name }) => name)).toEqual([
    "PUT /meshes/{mesh}/meshgatewayroutes/{name}",
  ]);
  expect([...new Set(spans.map(({ service }) => service))].sort()).toEqual(["atoll-global", "atoll-tokens", "atoll-xds", "atoll-zone"]);
});
