import { eventually } from "@atoll/testkit/eventually";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startProcess } from "@atoll/testkit/process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cases, post, problem, put, stranger, timeout } from "./bad-input-cases.ts";
import { rest, TestStack } from "./index.ts";

// What is wrong with a request is said in the documented words, and nothing changes.
let atoll: TestStack;

beforeAll(async () => {
  atoll = await TestStack.start(31_250, { zones: ["east"] });
  for (const document of atoll.documents("meshes")) await atoll.apply(document);
}, 120_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  expect(nacks).toEqual([]);
}, 60_000);

test.each(cases.map((one) => [one.what, one] as const))("%s", async (_what, { call: { path, ...call }, status, body }) => {
  const before = await atoll.replica("global");
  const answer = await atoll.call(path, call);
  if (typeof body === "string") {
    expect(answer.text).toBe(body);
  } else {
    // To the byte: one space of indent, keys in this order, a newline at the end.
    expect(answer.text).toBe(`${JSON.stringify(body, null, 1)}\n`);
    expect(answer.headers["content-type"]).toBe("application/json");
  }
  expect(answer.status).toBe(status);
  expect(await atoll.replica("global")).toEqual(before);
});

describe("user tokens of a stranger", () => {
  const userToken = async (validFor: string) => {
    const answer = await atoll.call("/tokens/user", post("", { name: "jo", groups: ["mesh-system:admin"], validFor }));
    expect(answer.status).toBe(200);
    return answer.text;
  };
  const secretsWith = (token: string) =>
    atoll.call("/meshes/default/secrets", { headers: { authorization: `Bearer ${token}` }, ...stranger });
  const unauthenticated = (reason: string) => problem(401, "Invalid authentication data", `Unauthenticated: ${reason}`);

  test("a good one opens the door; expired, altered or of another kind it does not", async () => {
    const good = await userToken("1h");
    expect((await secretsWith(good)).status).toBe(200);
    const zoneToken = (await atoll.call("/tokens/zone", post("", { zone: "east", scope: ["cp"], validFor: "1h" }))).text;
    const [head, payload, signature] = good.split(".") as [string, string, string];
    const claims = { ...(JSON.parse(Buffer.from(payload, "base64url").toString()) as object), Name: "mesh-system:admin" };
    const altered = [head, Buffer.from(JSON.stringify(claims)).toString("base64url"), signature].join(".");
    const unsigned = [Buffer.from('{"alg":"none","kid":"1"}').toString("base64url"), payload, ""].join(".");
    const refused: [token: string, reason: string][] = [
      [await userToken("1ms"), "the token is expired"],
      [zoneToken, "the token's signature is not valid"],
      [altered, "the token's signature is not valid"],
      [unsigned, "the token must be signed with RS256 or HS256"],
    ];
    const heard = new Map<string, number>();
    for (const [token, reason] of refused) {
      const answer = await secretsWith(token);
      expect([answer.status, answer.json()]).toEqual([401, unauthenticated(reason)]);
      // What a process writes comes by another way than its answer.
      const lines = await eventually(() => {
        const said = atoll
          .allOutput()
          .split("\n")
          .filter((line) => line.includes("request refused") && line.includes(reason) && line.endsWith("}"));
        return said.length > (heard.get(reason) ?? 0) ? said : undefined;
      });
      heard.set(reason, lines.length);
      expect(JSON.parse(lines.at(-1)!)).toMatchObject({
        from: "127.0.0.2",
        method: "GET",
        path: "/meshes/default/secrets",
        status: 401,
      });
      expect(atoll.allOutput()).not.toContain(token);
    }
  });

  test("a revoked one does not any more", async () => {
    const token = await userToken("1h");
    expect((await secretsWith(token)).status).toBe(200);
    const { jti } = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as { jti: string };
    await atoll.apply({ type: "GlobalSecret", name: "user-token-revocations", data: Buffer.from(`${jti}\n`).toString("base64") });
    expect((await secretsWith(token)).status).toBe(401);
  });
});

describe("atollctl apply", () => {
  const atollctl = fileURLToPath(new URL("../../../bin/atollctl", import.meta.url));
  const files: [string, string, RegExp][] = [
    ["YAML that does not parse", "type: Mesh\n  name: [", /YAML|yaml|indentation|flow/],
    ["an unknown type", "type: Moon\nname: m\n", /unknown type "Moon"|Moon/],
    ["no type", "name: m\n", /type/],
    [
      "a bad port",
      "type: MeshGateway\nmesh: default\nname: g\nselectors:\n- match: {kuma.io/service: g}\nconf:\n  listeners:\n  - {port: 0, protocol: HTTP}\n",
      /conf\.listeners\[0\]\.port: port must be in the range \[1, 65535\]/,
    ],
    ["an unknown mesh", `${JSON.stringify(timeout({ mesh: "moon" }))}\n`, /Failed to retrieve Mesh \(Not found\)/],
    ["a Kubernetes document without metadata", "apiVersion: kuma.io/v1alpha1\nkind: Mesh\n", /metadata: cannot be empty/],
  ];

  test.each(files)("%s: it ends with status 1 and says why", async (name, text, reason) => {
    const before = await atoll.replica("global");
    const file = join(atoll.stack.workDir, `${name.replaceAll(" ", "-")}.yaml`);
    writeFileSync(file, text);
    await using run = await startProcess(atollctl, ["--address", atoll.stack.url, "apply", "-f", file]);
    expect(await run.exited).toBe(1);
    expect(run.output()).toMatch(reason);
    // A message for its reader, not a stack trace.
    expect(run.output()).not.toMatch(/^\s+at .*\.ts:\d+/m);
    expect(await atoll.replica("global")).toEqual(before);
  });

  test("one bad document of several changes nothing with --atomic", async () => {
    const before = await atoll.replica("global");
    const file = join(atoll.stack.workDir, "several.yaml");
    writeFileSync(file, [timeout(), timeout({ name: "u", mesh: "moon" })].map((one) => JSON.stringify(one)).join("\n---\n"));
    await using run = await startProcess(atollctl, ["--address", atoll.stack.url, "apply", "--atomic", "-f", file]);
    expect(await run.exited).toBe(1);
    expect(await atoll.replica("global")).toEqual(before);
  });
});

test("a zone refuses what only global may write", async () => {
  const answer = await rest(`${atoll.zone("east").url}/meshes/m`, put("", { type: "Mesh", name: "m" }));
  expect([answer.status, answer.json()["title"]]).toEqual([405, "Method not allowed"]);
});
