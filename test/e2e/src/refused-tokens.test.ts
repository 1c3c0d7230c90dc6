import { createHmac, generateKeyPairSync, sign } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { type StartedProcess, startProcess } from "@atoll/testkit/process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonHeaders, rest, TestStack } from "./index.ts";

// Who shows a token that is not good, or not good for this, gets nothing, and the reason is said where its operator looks.
let atoll: TestStack;

beforeAll(async () => {
  atoll = await TestStack.start(31_500);
  for (const document of atoll.documents("meshes")) await atoll.apply(document);
}, 120_000);

afterAll(async () => {
  const nacks = await atoll?.nacks();
  await atoll?.close();
  expect(nacks).toEqual([]);
}, 60_000);

async function issue(kind: "dataplane" | "zone", request: object): Promise<string> {
  const answer = await atoll.call(`/tokens/${kind}`, {
    method: "POST",
    headers: jsonHeaders,
    body: JSON.stringify({ validFor: "1h", ...request }),
  });
  expect(answer.status).toBe(200);
  return answer.text;
}

const idOf = (token: string) => (JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString()) as { jti: string }).jti;
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
const inAnHour = () => Math.floor(Date.now() / 1000) + 3_600;

/** Signed with a key of the forger's own, under a serial that exists. */
function forged(claims: object): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const body = `${encoded({ alg: "RS256", kid: "1", typ: "JWT" })}.${encoded({ jti: "forged", exp: inAnHour(), ...claims })}`;
  return `${body}.${sign("sha256", Buffer.from(body), privateKey).toString("base64url")}`;
}

/** The classic confusion: the public key, which is public, as the secret of an HMAC. */
function hmacOf(publicKey: string, claims: object): string {
  const body = `${encoded({ alg: "HS256", kid: "1", typ: "JWT" })}.${encoded({ jti: "hmac", exp: inAnHour(), ...claims })}`;
  return `${body}.${createHmac("sha256", publicKey).update(body).digest("base64url")}`;
}

/** Output of an Envoy, which prints a gRPC status as it is on the wire: percent-encoded. */
const said = (proxy: StartedProcess) => proxy.output().replaceAll(/%[0-9A-F]{2}/g, (one) => decodeURIComponent(one));

describe("a proxy", () => {
  let nextPort = 0;
  const dataplane = (name: string) => ({
    type: "Dataplane",
    mesh: "default",
    name,
    networking: {
      address: "127.0.0.1",
      admin: { port: atoll.port(nextPort++) },
      inbound: [
        {
          port: atoll.port(nextPort++),
          servicePort: 1,
          serviceAddress: "127.0.0.1",
          tags: { "kuma.io/service": "app", "kuma.io/protocol": "http" },
        },
      ],
    },
  });
  const egress = (name: string) => ({
    type: "ZoneEgress",
    name,
    networking: { address: "127.0.0.1", port: atoll.port(nextPort++), admin: { port: atoll.port(nextPort++) } },
  });

  const dataplanes: [string, (name: string) => Promise<string> | string, RegExp][] = [
    ["an expired token", (name) => issue("dataplane", { mesh: "default", name, validFor: "1ms" }), /the token is expired/],
    [
      "a token for another name",
      () => issue("dataplane", { mesh: "default", name: "somebody-else" }),
      /the token is for dataplane \\?"somebody-else\\?", not/,
    ],
    ["another mesh's token", (name) => issue("dataplane", { mesh: "payments", name }), /signature is not valid/],
    [
      "a token for other tags",
      () => issue("dataplane", { mesh: "default", tags: { "kuma.io/service": ["other"] } }),
      /the token allows tag \\?"kuma.io\/service\\?" with \\?"other\\?", not \\?"app\\?"/,
    ],
    ["a zone's token", () => issue("zone", { zone: "east", scope: ["ingress", "egress", "cp"] }), /signature is not valid/],
    ["a forged token", (name) => forged({ Name: name, Mesh: "default", Tags: {}, Type: "" }), /signature is not valid/],
  ];
  const egresses: [string, () => Promise<string> | string, RegExp][] = [
    [
      "another zone's token",
      () => issue("zone", { zone: "west", scope: ["egress"] }),
      /the token is for zone \\?"west\\?", not \\?"east\\?"/,
    ],
    ["a token without the egress scope", () => issue("zone", { zone: "east", scope: ["ingress"] }), /\\?"egress\\?" is needed/],
  ];

  /** Envoy is up and talks to the control plane, but was given nothing, and nobody knows it. */
  async function expectRefused(
    document: { type: string; name: string; networking: { admin: { port: number } } },
    proxy: StartedProcess,
    reason: RegExp,
  ): Promise<void> {
    const lines = () =>
      atoll
        .zone("east")
        .xds.output()
        .split("\n")
        .filter((line) => line.includes("proxy refused") && line.includes(`${document.name}"`));
    // Twice: it is refused again when it tries again.
    await eventually(() => lines().length >= 2, { limitMs: 20_000 });
    for (const line of lines()) expect(line).toMatch(reason);
    await eventually(() => reason.test(said(proxy)), { limitMs: 10_000 });
    expect(said(proxy)).toContain("authentication failed");
    const admin = `http://127.0.0.1:${document.networking.admin.port}`;
    const dump = (await rest(`${admin}/config_dump`)).json<{ configs: Record<string, unknown>[] }>().configs;
    const dynamic = dump.flatMap((config) =>
      Object.entries(config)
        .filter(([key]) => key.startsWith("dynamic_"))
        .flatMap(([, value]) => value),
    );
    expect(dynamic).toEqual([]);
    const path = document.type === "Dataplane" ? "/meshes/default/dataplanes" : "/zoneegresses";
    expect((await rest(`${atoll.zone("east").url}${path}/${document.name}`)).status).toBe(404);
  }

  test.each(dataplanes)("with %s is refused, and told why", async (what, token, reason) => {
    const document = dataplane(what.replaceAll(/[^a-z]+/g, "-"));
    const proxy = await atoll.startProxy("east", document, { token: await token(document.name) });
    await expectRefused(document, proxy, reason);
    await atoll.stopProxy(document.name);
  });

  test.each(egresses)("that is an egress with %s is refused, and told why", async (what, token, reason) => {
    const document = egress(what.replaceAll(/[^a-z]+/g, "-"));
    const proxy = await atoll.startProxy("east", document, { token: await token() });
    await expectRefused(document, proxy, reason);
    await atoll.stopProxy(document.name);
  });

  test("with a good token gets its configuration; once the token is revoked its stream ends, and a new one is refused", async () => {
    const document = dataplane("good");
    const token = await issue("dataplane", { mesh: "default", name: "good", tags: { "kuma.io/service": ["app"] } });
    const proxy = await atoll.startProxy("east", document, { token });
    const listeners = async () => (await rest(`http://127.0.0.1:${document.networking.admin.port}/listeners`)).text;
    await eventually(async () => (await listeners()).includes(`127.0.0.1:${document.networking.inbound[0]!.port}`), { limitMs: 20_000 });
    expect((await rest(`${atoll.zone("east").url}/meshes/default/dataplanes/good`)).status).toBe(200);

    expect(said(proxy)).not.toContain("authentication failed");

    await atoll.apply({
      type: "Secret",
      mesh: "default",
      name: "dataplane-token-revocations-default",
      data: Buffer.from(`other,${idOf(token)}\n`).toString("base64"),
    });
    await eventually(() => said(proxy).includes("authentication failed: the token is revoked"), { limitMs: 20_000 });
    // Its Envoy goes on with what it has.
    expect(await listeners()).toContain(`127.0.0.1:${document.networking.inbound[0]!.port}`);
    await atoll.stopProxy("good");
    const again = await atoll.startProxy("east", document, { token, as: "good-again" });
    await eventually(() => said(again).includes("authentication failed: the token is revoked"), { limitMs: 20_000 });
    expect(atoll.zone("east").xds.output()).toMatch(/"reason":"the token is revoked"/);
    await again.stop(6_000);
  });

  test("with what is no token at all is not started", async () => {
    const document = dataplane("no-jwt");
    const proxy = await atoll.startProxy("east", document, { token: "certainly-not" });
    expect(await proxy.exited).not.toBe(0);
    expect(proxy.output()).toMatch(/the dataplane token is not a JWT/);
  });
});

describe("a zone's services", () => {
  const atollBinary = fileURLToPath(new URL("../../../bin/atoll", import.meta.url));
  let nextZone = 0;

  /** A zone service that has never run before. */
  async function startZone(zone: string, token: string): Promise<StartedProcess> {
    const folder = join(atoll.stack.workDir, `new-zone-${nextZone++}`);
    mkdirSync(folder);
    writeFileSync(join(folder, "token"), token);
    return startProcess(atollBinary, ["run", "zone"], {
      env: {
        ATOLL_GENERAL_WORK_DIR: folder,
        ATOLL_MULTIZONE_ZONE_NAME: zone,
        ATOLL_MULTIZONE_ZONE_GLOBAL_ADDRESS: `grpcs://127.0.0.1:${atoll.stack.ports.kds}`,
        ATOLL_MULTIZONE_ZONE_KDS_ROOT_CA_FILE: join(atoll.stack.workDir, "global", "tls.crt"),
        ATOLL_MULTIZONE_ZONE_TOKEN_FILE: join(folder, "token"),
        ATOLL_API_SERVER_HTTP_PORT: "0",
        ATOLL_API_SERVER_HTTPS_PORT: "0",
        ATOLL_RELAY_PORT: "0",
        ATOLL_DIAGNOSTICS_SERVER_PORT: "0",
      },
    });
  }

  const publicKey = async () => {
    const { keys } = (await rest(`http://127.0.0.1:${atoll.stack.ports.tokens}/.well-known/jwks.json?kind=zone`)).json<{
      keys: { n: string }[];
    }>();
    return keys[0]!.n;
  };
  const tokens: [string, () => Promise<string> | string, RegExp][] = [
    ["what is no token", () => "certainly-not", /not a signed JWT/],
    ["an empty file", () => "", /token/],
    ["an expired token", () => issue("zone", { zone: "north", scope: ["cp"], validFor: "1ms" }), /the token is expired/],
    ["another zone's token", () => issue("zone", { zone: "west", scope: ["cp"] }), /"?west"?/],
    ["a token without the cp scope", () => issue("zone", { zone: "north", scope: ["ingress", "egress"] }), /"cp\\?" is needed/],
    ["a dataplane's token", () => issue("dataplane", { mesh: "default" }), /signature is not valid/],
    ["a forged token", () => forged({ Zone: "north", Scope: ["cp"] }), /signature is not valid/],
    [
      "a token signed with the public key",
      async () => hmacOf(await publicKey(), { Zone: "north", Scope: ["cp"] }),
      /there is no signing key/,
    ],
    [
      "a revoked token",
      async () => {
        const token = await issue("zone", { zone: "north", scope: ["cp"] });
        await atoll.apply({ type: "GlobalSecret", name: "zone-token-revocations", data: Buffer.from(idOf(token)).toString("base64") });
        return token;
      },
      /the token is revoked/,
    ],
  ];

  test.each(tokens)("with %s end with status 1 and the reason", async (_what, token, reason) => {
    const before = (await atoll.call("/zones")).json<{ total: number }>().total;
    const secret = await token();
    await using zone = await startZone("north", secret);
    expect(await zone.exited).toBe(1);
    expect(zone.output()).toMatch(reason);
    if (secret.length > 20) expect(zone.output()).not.toContain(secret);
    expect((await atoll.call("/zones")).json<{ total: number }>().total).toBe(before);
  });

  test("with a good token they register", async () => {
    await using zone = await startZone("north", await issue("zone", { zone: "north", scope: ["cp"] }));
    await eventually(() => /zone is ready/.test(zone.output()), { limitMs: 20_000 });
    expect((await atoll.call("/zones/north")).json()).toMatchObject({ type: "Zone", name: "north" });
  });

  test("whose token is revoked while they run are sent away, and go on serving what they have", async () => {
    const { sync, url } = atoll.zone("east");
    const jti = idOf(readFileSync(join(atoll.stack.workDir, "zone-east", "zone-token"), "utf8"));
    await atoll.apply({ type: "GlobalSecret", name: "zone-token-revocations", data: Buffer.from(jti).toString("base64") });
    await eventually(() => /the token is revoked/.test(sync.output()), { limitMs: 20_000 });
    await eventually(
      async () => {
        const { zoneInsight } = (await atoll.call("/zones/east/_overview")).json<{
          zoneInsight: { subscriptions: { disconnectTime?: string }[] };
        }>();
        return zoneInsight.subscriptions.every((one) => one.disconnectTime !== undefined);
      },
      { limitMs: 10_000 },
    );
    expect((await rest(`${url}/meshes/default`)).status).toBe(200);
  });

  test("come back by themselves once their token file holds a good one", async () => {
    const revision = await atoll.apply({ type: "Mesh", name: "while-away" });
    writeFileSync(join(atoll.stack.workDir, "zone-east", "zone-token"), await issue("zone", { zone: "east", scope: ["cp"] }));
    const { checksum } = await atoll.replica("global");
    expect(await atoll.reaches("zone-east", revision)).toMatchObject({ checksum });
    expect(await atoll.reaches("xds-east", revision)).toMatchObject({ checksum });
    await eventually(
      async () => {
        const { zoneInsight } = (await atoll.call("/zones/east/_overview")).json<{
          zoneInsight: { subscriptions: { disconnectTime?: string }[] };
        }>();
        return zoneInsight.subscriptions.some((one) => one.disconnectTime === undefined);
      },
      { limitMs: 10_000 },
    );
  });
});
