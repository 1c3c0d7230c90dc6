import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";

let plane: ControlPlane;
/** Every secret, key and token of the run, by what it is. */
const secrets = new Map<string, Buffer>();

const pem = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
}).privateKey;
const password = `pw-${randomBytes(12).toString("hex")}`;
const any = [{ match: { "kuma.io/service": "*" } }];

beforeAll(async () => {
  plane = await startControlPlane();
  const apply = async (document: object) =>
    expect(await plane.ctlWith(JSON.stringify(document), "apply", "-f", "-")).toMatchObject({ code: 0 });
  await apply({ type: "Mesh", name: "secure", mtls: { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] } });
  await apply({ type: "Secret", mesh: "secure", name: "own", data: Buffer.from(password).toString("base64") });
  await apply({
    type: "ExternalService",
    mesh: "secure",
    name: "outside",
    tags: { "kuma.io/service": "outside", "kuma.io/protocol": "http" },
    networking: { address: "example.com:443", tls: { enabled: true, clientCert: { inlineString: pem }, clientKey: { inlineString: pem } } },
  });
  await apply({
    type: "Timeout",
    mesh: "secure",
    name: "slow",
    sources: any,
    destinations: any,
    conf: { connectTimeout: "5s" },
  });
  secrets.set("a client's key in a document", Buffer.from(pem));
  secrets.set("a user's secret", Buffer.from(password));
  for (const [what, ...args] of [
    ["a dataplane's token", "dataplane-token", "--mesh", "default", "--name", "web-1", "--valid-for", "1h"],
    ["a zone's token", "zone-token", "--zone", "east", "--scope", "cp", "--valid-for", "1h"],
    ["a user's token", "user-token", "--name", "jane", "--group", "team", "--valid-for", "1h"],
  ] as [string, ...string[]][])
    secrets.set(what, Buffer.from((await plane.ctl("generate", ...args)).out.trim()));
  for (const path of ["/global-secrets", "/secrets"]) {
    const { items } = (await (await fetch(plane.url.replace("127.0.0.1", "localhost") + path)).json()) as {
      items: { name: string; data: string }[];
    };
    for (const { name, data } of items) secrets.set(`${path}/${name}`, Buffer.from(data, "base64"));
  }
  const workDir = join(plane.folder, "global");
  for (const name of readdirSync(workDir).filter((one) => one.endsWith(".key")))
    secrets.set(name, Buffer.from(readFileSync(join(workDir, name), "utf8").trim(), "base64"));
  secrets.set(
    "tls.pem",
    Buffer.from(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END/.exec(readFileSync(join(workDir, "tls.pem"), "utf8"))![0]),
  );
});
afterAll(() => plane.close());

/** As it is, in hex and both base64s, and of PEM the body, in one piece and as lines. */
function forms(secret: Buffer): string[] {
  const text = secret.toString("utf8");
  const lines = text.includes("-----BEGIN") ? text.split("\n").filter((line) => line.length > 20 && !line.startsWith("-----")) : [];
  const body = Buffer.from(lines.join(""), "base64");
  return [
    text,
    JSON.stringify(text).slice(1, -1),
    ...[secret, ...(lines.length > 0 ? [body] : [])].flatMap((bytes) => [
      bytes.toString("hex"),
      bytes.toString("base64"),
      bytes.toString("base64url"),
    ]),
    ...lines,
    lines.join(""),
  ].filter((form) => form.length >= 8);
}

const found = (text: string): string[] =>
  [...secrets].flatMap(([what, secret]) => (forms(secret).some((form) => text.toLowerCase().includes(form.toLowerCase())) ? [what] : []));

test("one file has what a helper needs, and of no secret, key or token of the run anything in any form", async () => {
  expect(secrets.size).toBeGreaterThan(10);
  const file = join(plane.folder, "support.json.gz");
  const run = await plane.ctl("support-bundle", file, "--proxy", "default/web-1", "--diagnostics", plane.diagnostics);
  expect([run.code, run.out]).toEqual([0, expect.stringMatching(/^wrote \d+ answers to .*, without secrets\n$/)]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const text = gunzipSync(readFileSync(file)).toString("utf8");
  expect(found(text)).toEqual([]);

  const { parts } = JSON.parse(text) as { parts: Record<string, { status: number; answer: unknown }> };
  expect(parts["/"]).toMatchObject({ status: 200, answer: { version: expect.any(String) } });
  expect(parts["/config"]).toMatchObject({ status: 200 });
  // What is no secret is there: the change, and who has what.
  expect(JSON.stringify(parts)).toContain("Timeout/secure/slow");
  expect(JSON.stringify(parts)).toContain("ExternalService/secure/outside");
  expect(parts[`${plane.diagnostics}/metrics`]!.answer).toContain("atoll_build_info");
  expect(parts[`${plane.diagnostics}/debug/timeline`]).toMatchObject({ status: 200 });
  expect(run.err).toContain("not there: /meshes/default/dataplanes/web-1/_explain: 404");
});

test("the search finds every secret where it is not left out", async () => {
  for (const [what, secret] of secrets)
    for (const shown of [secret.toString("base64"), secret.toString("hex"), JSON.stringify({ is: secret.toString("utf8") })])
      expect([what, found(shown).includes(what)]).toEqual([what, true]);
});

test.each([
  [["--revisions", "many"], '--revisions: "many" is no number'],
  [["--proxy", "web-1"], '--proxy: "web-1" is not MESH/NAME'],
])("%j is refused", async (flags, reason) => {
  const { code, err } = await plane.ctl("support-bundle", join(plane.folder, "none"), ...flags);
  expect([code, err]).toEqual([1, `Error: ${reason}\n`]);
});
