import { eventually } from "@atoll/testkit/eventually";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
beforeAll(async () => {
  plane = await startControlPlane();
  for (const args of [
    ["dataplane-token", "--mesh", "default", "--name", "web-1", "--valid-for", "1h"],
    ["dataplane-token", "--mesh", "default", "--name", "web-2", "--valid-for", "1h"],
    ["zone-token", "--zone", "east", "--scope", "egress", "--valid-for", "1h"],
    ["user-token", "--name", "jane", "--group", "team", "--valid-for", "1h"],
  ]) {
    expect(await plane.ctl("generate", ...args)).toMatchObject({ code: 0 });
  }
});
afterAll(() => plane.close());

const listed = async (...flags: string[]) => {
  const { out } = await plane.ctl("tokens", "list", "-o", "json", ...flags);
  return (JSON.parse(out) as { items: { jti: string; kind: string; subject: string; state: string }[] }).items;
};

test("what was issued is listed, by kind, subject and state, and no token is in it", async () => {
  const all = await listed();
  expect(all.map(({ kind, subject, state }) => [kind, subject, state]).sort()).toEqual([
    ["dataplane", "web-1", "valid"],
    ["dataplane", "web-2", "valid"],
    ["user", "jane", "valid"],
    ["zone", "east", "valid"],
  ]);
  expect(JSON.stringify(all)).not.toContain("eyJ");
  expect((await listed("--kind", "dataplane", "--subject", "web-2")).map(({ subject }) => subject)).toEqual(["web-2"]);
  expect((await plane.ctl("tokens", "list", "--kind", "moon")).err).toBe("Error: Bad Request (kind: must be dataplane or zone or user)\n");
});

test("a selection is revoked as one revision, once; what else was revoked stays so", async () => {
  const elsewhere = await plane.ctl("tokens", "revoke", "--id", "made-elsewhere", "--kind", "dataplane", "--mesh", "default");
  expect(elsewhere.out).toContain("made-elsewhere dataplane default *\n");
  expect((await plane.ctl("tokens", "revoke", "--kind", "dataplane", "--dry-run")).out).toContain("2 tokens would be revoked\n");
  expect(await listed("--state", "revoked")).toEqual([]);
  const { out, code } = await plane.ctl("tokens", "revoke", "--kind", "dataplane", "--reason", "a machine was lost");
  expect([code, out]).toEqual([0, expect.stringMatching(/web-[12]\n.*web-[12]\nrevoked 2 tokens as revision \d+\n$/)]);
  expect((await listed("--state", "revoked")).map(({ subject }) => subject).sort()).toEqual(["web-1", "web-2"]);
  const secret = JSON.parse((await plane.ctl("get", "secret", "dataplane-token-revocations-default", "-o", "json")).out) as {
    data: string;
  };
  expect(Buffer.from(secret.data, "base64").toString().split(",")).toHaveLength(3);
  expect((await plane.ctl("tokens", "revoke", "--kind", "dataplane")).out).toBe("there is nothing to revoke\n");
  expect((await plane.ctl("revisions")).out).toContain("a machine was lost");
});

test.each([
  [[], "it selects every token"],
  [["--id", "unheard-of"], "unheard-of: not issued here, so that kind"],
  [["--issued-before", "soon"], "issuedBefore: must be an RFC 3339 time"],
])("%j is refused", async (flags, reason) => {
  const { code, err } = await plane.ctl("tokens", "revoke", ...flags);
  expect([code, err]).toEqual([1, expect.stringContaining(reason)]);
});

test("tokens near their end are a metric of global, which knows those that were issued", async () => {
  const { status, metrics } = await fetch(`${plane.diagnostics}/metrics`).then(async (answer) => ({
    status: answer.status,
    metrics: await answer.text(),
  }));
  expect(status).toBe(200);
  for (const kind of ["dataplane", "zone", "user"]) expect(metrics).toContain(`atoll_tokens_expiring{kind="${kind}"} 0`);
  // A fifth of a life of 2 s is soon over: the metric moves by itself, without a request for it.
  expect(await plane.ctl("generate", "dataplane-token", "--mesh", "default", "--name", "brief", "--valid-for", "2s")).toMatchObject({
    code: 0,
  });
  await eventually(
    async () => expect(await (await fetch(`${plane.diagnostics}/metrics`)).text()).toContain('atoll_tokens_expiring{kind="dataplane"} 1'),
    {
      limitMs: 5_000,
      everyMs: 20,
    },
  );
});
