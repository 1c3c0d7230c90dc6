import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ControlPlane, ctlAt, startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane.close());

const timeout = (name: string, seconds: number) => `type: Timeout
mesh: default
name: ${name}
sources: [{match: {kuma.io/service: a}}]
destinations: [{match: {kuma.io/service: b}}]
conf: {connectTimeout: ${seconds}s}
---
`;

const apply = async (text: string, ...flags: string[]) => {
  const outcome = await plane.ctlWith(text, "apply", "-f", "-", "--show-revision", ...flags);
  expect(outcome).toMatchObject({ code: 0, err: "" });
  return Number(outcome.out.trim().split(" ").at(-1));
};

test("several documents are one revision, with its reason, or none at all", async () => {
  const before = await apply(timeout("a", 1));
  expect(await apply(timeout("b", 1) + timeout("c", 1), "--atomic", "--reason", "ticket 12")).toBe(before + 1);
  const bad = `${timeout("d", 1)}${timeout("e", 1).replace("default", "nomesh")}`;
  expect((await plane.ctlWith(bad, "apply", "-f", "-", "--atomic")).code).toBe(1);
  expect((await plane.ctl("get", "timeout", "d")).code).toBe(1);
  const { out } = await plane.ctl("revisions", "--from", String(before));
  const lines = out
    .trimEnd()
    .split("\n")
    .map((line) => line.split(/ {3,}/));
  expect(lines[0]).toEqual(["REVISION", "TIME", "AUTHOR", "VERDICT", "CHANGES", "REASON"]);
  expect(lines.slice(1).map(([revision, , author, verdict, changes, reason]) => [revision, author, verdict, changes, reason])).toEqual([
    [String(before), "mesh-system:admin", "accepted", "put Timeout/default/a", ""],
    [String(before + 1), "mesh-system:admin", "accepted", "put Timeout/default/b, put Timeout/default/c", "ticket 12"],
  ]);
  expect((await plane.ctl("inspect", "revisions", "--from", String(before))).out).toBe(out);
});

test("diff shows what differs, line by line", async () => {
  const from = await apply(timeout("f", 1));
  await apply(timeout("f", 2));
  await apply("type: Mesh\nname: fresh\nskipCreatingInitialPolicies: ['*']\n");
  await plane.ctl("delete", "timeout", "a");
  const { out } = await plane.ctl("diff", String(from));
  expect(out).toContain("~ Timeout/default/f\n");
  expect(out).toContain("    -     connectTimeout: 1s\n    +     connectTimeout: 2s\n");
  expect(out).toContain("- Timeout/default/a\n");
  expect(out).toContain("+ Mesh/fresh\n");
  // That it is there, and nothing of what it holds.
  expect(out).toContain(
    "+ Secret/fresh/dataplane-token-signing-key-fresh-1\n    + mesh: fresh\n    + name: dataplane-token-signing-key-fresh-1\n    + type: Secret\n",
  );
  expect(await plane.ctl("diff", String(from), String(from))).toEqual({ code: 0, out: "", err: "" });
  expect((await plane.ctl("diff", String(from), "-o", "json")).out).toContain('"change": "updated"');
  expect(await plane.ctl("diff", "x")).toEqual({ code: 1, out: "", err: 'Error: "x" is not a revision\n' });
});

test("rollback restores a revision as a new one", async () => {
  const good = await apply(timeout("g", 1));
  await apply(timeout("g", 9));
  const bad = await apply(timeout("h", 9));
  const { code, out } = await plane.ctl("rollback", String(good), "--reason", "9 s is too long", "--wait");
  expect({ code, out }).toEqual({
    code: 0,
    out: `  Timeout/default/g\n  Timeout/default/h\nrestored revision ${good} as revision ${bad + 1}\n`,
  });
  expect((await plane.ctl("get", "timeout", "g", "-o", "yaml")).out).toContain("connectTimeout: 1s");
  expect((await plane.ctl("diff", String(good))).out).toBe("");
  expect((await plane.ctl("rollback", String(good))).out).toBe(`nothing differs from revision ${good}\n`);
  expect((await plane.ctl("revisions", "--from", String(bad + 1), "--to", String(bad + 1))).out).toContain("9 s is too long");
  expect((await plane.ctl("rollback", "99999")).err).toBe("Error: Could not roll back (Not found)\n");
});

test("where no proxy lives, a revision is applied as soon as it is written", async () => {
  const revision = await apply(timeout("w", 1), "--wait", "--timeout", "5s");
  expect(await plane.ctl("wait", String(revision))).toEqual({ code: 0, out: "ZONE   PROXIES   APPLIED   DONE\n", err: "" });
  expect((await plane.ctl("wait", "99999")).err).toBe("Error: Could not retrieve revisions (Not found)\n");
  expect((await plane.ctl("wait", "1", "--timeout", "soon")).code).toBe(1);
});

test("a change that is not applied in time is told, with status 1", async () => {
  const asked: string[] = [];
  const warning = "revision 7 is not applied in zone east: its 2 proxies are at 6";
  const zones = [{ name: "east", proxies: 2, applied: 6, done: false }];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.setHeader("atoll-applied", "false").setHeader("content-type", "application/json");
    const body = request.url?.startsWith("/revisions/7/status")
      ? { revision: 7, done: false, zones }
      : { revision: 7, restored: 3, changed: ["Mesh//a"], warnings: [warning] };
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const late = { code: 1, err: `Warning: ${warning}\nError: not applied by every proxy in time\n` };
    expect(await ctlAt(url, ["apply", "-f", "-", "--wait", "--timeout", "1m"], timeout("a", 1))).toMatchObject(late);
    expect(await ctlAt(url, ["rollback", "3", "--wait"])).toMatchObject(late);
    expect(await ctlAt(url, ["wait", "7", "--timeout", "1s"])).toEqual({
      code: 1,
      out: "ZONE   PROXIES   APPLIED   DONE\neast   2         6         no\n",
      err: "Error: revision 7 is not applied by every proxy after 1s\n",
    });
    expect(asked).toEqual([
      "PUT /meshes/default/timeouts/a?wait=applied&timeout=1m",
      "POST /revisions/3/rollback?wait=applied&timeout=30s",
      "GET /revisions/7/status?wait=applied&timeout=1s",
    ]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test("get looks at the past, by revision and by time", async () => {
  const first = await apply(timeout("past", 1));
  await apply(timeout("past", 2));
  const show = (...flags: string[]) => plane.ctl("get", "timeout", "past", "-o", "json", ...flags);
  const seconds = async (...flags: string[]) =>
    (JSON.parse((await show(...flags)).out) as { conf: { connectTimeout: string } }).conf.connectTimeout;
  expect(await seconds("--revision", String(first))).toBe("1s");
  expect(await seconds()).toBe("2s");
  expect((await show("--revision", String(first - 1))).code).toBe(1);
  expect((await plane.ctl("get", "timeouts", "--revision", String(first - 1))).out).not.toContain("past");
  const record = (await (await fetch(`${plane.url}/revisions/${first}`)).json()) as { at: string };
  // The log takes a record some milliseconds after its writer made it.
  const just = new Date(Date.parse(record.at) - 1).toISOString();
  expect((await show("--at", just)).code).toBe(1);
  expect(await show("--at", "soon")).toMatchObject({ code: 1, err: expect.stringContaining("neither a time") });
  expect((await show("--at", "1m", "--revision", "1")).err).toBe("Error: --revision, --at: only one of them\n");
});
