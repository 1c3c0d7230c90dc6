import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { expect, test } from "vitest";
import { createLogger } from "./logger.ts";

function lines(): { log: ReturnType<typeof createLogger>; written: () => Record<string, unknown>[] } {
  const texts: string[] = [];
  return {
    log: createLogger("xds", "debug", { write: (text) => void texts.push(text) }),
    written: () => texts.map((text) => JSON.parse(text) as Record<string, unknown>),
  };
}

test("a line about a proxy names its mesh, and every line of a zone's service its zone", () => {
  const { log, written } = lines();
  const child = log.child({ zone: "east" });
  child.info({ proxy: "default.orders-1", revision: 7 }, "one");
  child.info({ proxy: ".egress-1" }, "two");
  child.warn({ proxy: "default.orders-1", mesh: "given" }, "three");
  child.info("four");
  expect(written().map(({ zone, mesh, proxy, revision, msg }) => ({ zone, mesh, proxy, revision, msg }))).toEqual([
    { zone: "east", mesh: "default", proxy: "default.orders-1", revision: 7, msg: "one" },
    { zone: "east", proxy: ".egress-1", msg: "two" },
    { zone: "east", mesh: "given", proxy: "default.orders-1", msg: "three" },
    { zone: "east", msg: "four" },
  ]);
});

test("a token is not in a line, wherever it is", () => {
  const { log, written } = lines();
  log.info({ token: "a", request: { authorization: "b" }, headers: { authorization: "c" } }, "asked");
  expect(JSON.stringify(written())).not.toMatch(/"[abc]"/);
});

test("an error is told with its causes, and nothing twice", () => {
  const { log, written } = lines();
  const status = new Error("14 UNAVAILABLE: Connection dropped");
  const failure = new Error("Connection dropped", { cause: status });
  log.warn({ err: failure }, "one");
  log.warn({ err: new Error("the topic is not mirrored", { cause: new Error("the disk is full", { cause: failure }) }) }, "two");
  expect(written().map(({ err }) => (err as Error).message)).toEqual([
    "Connection dropped",
    "the topic is not mirrored: the disk is full: Connection dropped",
  ]);
});

test("a line that is written within a trace names it", () => {
  const { log, written } = lines();
  const span = new TracerProvider().getTracer("test").startSpan("request");
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  context.with(trace.setSpan(ROOT_CONTEXT, span), () => log.info("within"));
  log.info("outside");
  expect(written().map((line) => line["trace"])).toEqual([span.spanContext().traceId, undefined]);
});
