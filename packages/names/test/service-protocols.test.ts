import { expect, test } from "vitest";
import { serviceProtocols } from "../src/index.ts";

const tags = (service: string, protocol?: string) => ({ "kuma.io/service": service, ...(protocol && { "kuma.io/protocol": protocol }) });
const record = (protocol: string, unused?: true, seconds = 0) => ({
  spec: { protocol, ...(unused && { unused }) },
  modificationTime: new Date(seconds * 1_000).toISOString(),
});
const plan = (tagSets: ReturnType<typeof tags>[], present: Record<string, ReturnType<typeof record>>, keepUnused = 2) => {
  const made = serviceProtocols({ tagSets, present: new Map(Object.entries(present)), keepUnused });
  return { put: Object.fromEntries(made.put), delete: [...made.delete] };
};

test("what all instances of a service speak is written once", () => {
  const sets = [tags("web", "http"), tags("web", "HTTP"), tags("mixed", "grpc"), tags("mixed", "http2"), tags("silent")];
  expect(plan(sets, { web: record("http") })).toEqual({ put: { mixed: { protocol: "http2" } }, delete: [] });
});

test("one that says nothing of it any more is forgotten, one that nobody has is not", () => {
  expect(plan([tags("silent")], { silent: record("http"), away: record("http"), long: record("tcp", true) })).toEqual({
    put: { away: { protocol: "http", unused: true } },
    delete: ["silent"],
  });
});

test("of those that nobody has, the longest unused are forgotten", () => {
  const present = { a: record("http", true, 1), b: record("http", true, 3), c: record("http", true, 2), d: record("http") };
  expect(plan([], present)).toEqual({ put: { d: { protocol: "http", unused: true } }, delete: ["c", "a"] });
});
