import { ROOT_CONTEXT, trace, type Context } from "@opentelemetry/api";
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, beforeAll, expect, test } from "vitest";
import { ChangeTrace } from "./change-trace.ts";

const exporter = new InMemorySpanExporter();
beforeAll(() => {
  trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
});
afterEach(() => exporter.reset());

const cluster = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const counts = { resources: 1, removals: 0, acknowledged: 0 };

/** The fold of a change, and what ended below it so far: `name < parent`, with Envoy's answer or the failure. */
function begun(): { folded: Context; spans: () => string[] } {
  const span = trace.getTracer("test").startSpan("fold", {}, ROOT_CONTEXT);
  span.end();
  return {
    folded: trace.setSpan(ROOT_CONTEXT, span),
    spans: () => {
      const all = exporter.getFinishedSpans().filter((one) => one.spanContext().traceId === span.spanContext().traceId);
      const names = new Map(all.map((one) => [one.spanContext().spanId, one.name]));
      return all
        .filter((one) => one.name !== "fold")
        .map(({ name, parentSpanContext, attributes, status }) => {
          const outcome = attributes["atoll.answer"] ?? status.message;
          return `${name} < ${names.get(parentSpanContext!.spanId) ?? "open"}${outcome === undefined ? "" : `: ${outcome}`}`;
        });
    },
  };
}

test("a change is followed to each proxy's acknowledgement, and a refusal is told", () => {
  const follow = new ChangeTrace();
  follow.applied("a", 4);
  const change = begun();
  follow.folded([{ revision: 5, changed: true, trace: change.folded }]);
  follow.built({ revision: 5, built: 1, changed: 1, durationMs: 1 });
  follow.sent({ nodeId: "a", typeUrl: cluster, revision: 5, ...counts });
  follow.answered({ nodeId: "a", typeUrl: cluster, revision: 5, message: "no such extension" });
  follow.sent({ nodeId: "a", typeUrl: cluster, revision: 5, ...counts });
  follow.answered({ nodeId: "a", typeUrl: cluster, revision: 5 });
  follow.applied("a", 5);
  // What comes later is of another change.
  follow.sent({ nodeId: "a", typeUrl: cluster, revision: 6, ...counts });
  expect(change.spans()).toEqual(["build < fold", "push Cluster < deliver: NACK", "push Cluster < deliver: ACK", "deliver < build"]);
});

test("changes that are pushed together are told in the trace of each", () => {
  const follow = new ChangeTrace();
  follow.applied("a", 4);
  const [first, second] = [begun(), begun()];
  follow.folded([
    { revision: 5, changed: true, trace: first.folded },
    { revision: 6, changed: true, trace: second.folded },
    { revision: 7, changed: true, trace: undefined },
  ]);
  follow.built({ revision: 7, built: 1, changed: 1, durationMs: 1 });
  follow.sent({ nodeId: "a", typeUrl: cluster, revision: 7, ...counts });
  follow.answered({ nodeId: "a", typeUrl: cluster, revision: 7 });
  follow.applied("a", 7);
  const whole = ["build < fold", "push Cluster < deliver: ACK", "deliver < build"];
  expect(first.spans()).toEqual(whole);
  expect(second.spans()).toEqual(whole);
});

test("what a proxy has all of before it is sent anything is no part of what it is sent", () => {
  const follow = new ChangeTrace();
  follow.applied("a", 4);
  const [unrelated, change] = [begun(), begun()];
  follow.folded([
    { revision: 5, changed: true, trace: unrelated.folded },
    { revision: 6, changed: true, trace: change.folded },
  ]);
  follow.sent({ nodeId: "a", typeUrl: cluster, revision: 6, ...counts, acknowledged: 5 });
  follow.applied("a", 6);
  expect(unrelated.spans()).toEqual([]);
  expect(change.spans()).toEqual(["push Cluster < deliver", "deliver < open"]);
});

test("what a proxy gets when it connects is no part of a change, and one that goes away ends what was open", () => {
  const follow = new ChangeTrace();
  follow.applied("gone", 4);
  const change = begun();
  follow.folded([{ revision: 5, changed: true, trace: change.folded }]);
  follow.sent({ nodeId: "new", typeUrl: cluster, revision: 5, ...counts });
  follow.sent({ nodeId: "gone", typeUrl: cluster, revision: 5, ...counts });
  follow.disconnected("gone");
  expect(change.spans()).toEqual(["push Cluster < deliver", "deliver < open: the proxy went away"]);
});
