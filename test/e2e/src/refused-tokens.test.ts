import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomUUID, sign } from "node:crypto";
import { request as requestHttp } from "node:http";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { type StartedProcess, startProcess } from "@atoll/testkit/process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonHeaders, rest, TestStack } from "./index.ts";

// Who shows a token that is not good, or not good for this, gets nothing, and the reason is said where its operator looks.
let atoll: TestStack;

const rsaKey = () => generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const publicPem = (key: KeyObject) => createPublicKey(key).export({ type: "pkcs1", format: "pem" }) as string;
/** Its public half is in the settings of every service; nobody there has ever seen the key itself. */
const ownKey = rsaKey();

beforeAll(async () => {
  atoll = await TestStack.start(31_500, {
    settings: {
      apiServer: { authn: { tokens: { validator: { publicKeys: [{ kid: "own", key: publicPem(ownKey) }] } } } },
      dpServer: {
        authn: {
          dpProxy: { dpToken: { validator: { publicKeys: [{ kid: "own", key: publicPem(ownKey), mesh: "default" }] } } },
          zoneProxy: { zoneToken: { validator: { publicKeys: [{ kid: "own", key: publicPem(ownKey) }] } } },
        },
      },
    },
    zoneEnv: { west: { KUMA_DP_SERVER_AUTHN_ENABLE_RELOADABLE_TOKENS: "true" } },
  });
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

function signed(key: KeyObject, kid: string, claims: object): string {
  const body = `${encoded({ alg: "RS256", kid, typ: "JWT" })}.${encoded({ jti: randomUUID(), exp: inAnHour(), ...claims })}`;
  return `${body}.${sign("sha256", Buffer.from(body), key).toString("base64url")}`;
}

/** Signed with a key of the forger's own, under a serial that exists. */
const forged = (claims: object) => signed(rsaKey(), "1", claims);

/** Signed by the command line with a key file, without asking anybody. */
async function signedOffline(kid: string, ...args: string[]): Promise<string> {
  const file = join(atoll.stack.workDir, "own.pem");
  writeFileSync(file, ownKey.export({ type: "pkcs1", format: "pem" }));
  await using command = await startProcess(atollctl, ["generate", ...args, "--valid-for", "1h", "--signing-key-path", file, "--kid", kid]);
  expect(await command.exited).toBe(0);
  return command.output().trim();
}

/** The classic confusion: the public key, which is public, as the secret of an HMAC. */
function hmacOf(publicKey: string, claims: object): string {
  const body = `${encoded({ alg: "HS256", kid: "1", typ: "JWT" })}.${encoded({ jti: "hmac", exp: inAnHour(), ...claims })}`;
  return `${body}.${createHmac("sha256", publicKey).update(body).digest("base64url")}`;
}

/** Output of an Envoy, which prints a gRPC status as it is on the wire: percent-encoded. */
const said = (proxy: StartedProcess) => proxy.output().replaceAll(/%[0-9A-F]{2}/g, (one) => decodeURIComponent(one));

const atollctl = fileURLToPath(new URL("../../../bin/atollctl", import.meta.url));

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
    [
      "another mesh's token",
      (name) => issue("dataplane", { mesh: "payments", name }),
      /signature is not valid; the token says it is for mesh \\?"payments/,
    ],
    [
      "a token for other tags",
      () => issue("dataplane", { mesh: "default", tags: { "kuma.io/service": ["other"] } }),
      /the token allows tag \\?"kuma.io\/service\\?" with \\?"other\\?", not \\?"app\\?"/,
    ],
    ["a zone's token", () => issue("zone", { zone: "east", scope: ["ingress", "egress", "cp"] }), /signature is not valid/],
    [
      "a token of another key than the one in the settings",
      (name) => signed(rsaKey(), "own", { Name: name, Mesh: "default", Tags: {}, Type: "" }),
      /signature is not valid/,
    ],
    [
      "a token of a key that is nowhere",
      (name) => signedOffline("other", "dataplane-token", "--name", name),
      /there is no signing key with KID other/,
    ],
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
    await eventually(async () => (await rest(`${atoll.zone("east").url}/meshes/default/dataplanes/good`)).status === 200, {
      limitMs: 10_000,
    });

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

  test("with a token signed elsewhere, by a key whose public half the settings have, gets its configuration", async () => {
    const document = dataplane("offline");
    const proxy = await atoll.startProxy("east", document, { token: await signedOffline("own", "dataplane-token", "--name", "offline") });
    const listeners = async () => (await rest(`http://127.0.0.1:${document.networking.admin.port}/listeners`)).text;
    await eventually(async () => (await listeners()).includes(`127.0.0.1:${document.networking.inbound[0]!.port}`), { limitMs: 20_000 });
    expect(said(proxy)).not.toContain("authentication failed");
    await atoll.stopProxy("offline");
    const outlet = egress("offline-egress");
    const token = await signedOffline("own", "zone-token", "--zone", "east", "--scope", "egress");
    await atoll.startProxy("east", outlet, { token });
    await eventually(async () => (await rest(`${atoll.zone("east").url}/zoneegresses/offline-egress`)).status === 200, { limitMs: 20_000 });
    await atoll.stopProxy("offline-egress");
  });

  test("stays when its key is deleted, is sent away when its token is revoked, and comes back by itself once its token file holds a good one", async () => {
    const document = { ...dataplane("reloading"), mesh: "rotating" };
    await atoll.apply({ type: "Mesh", name: "rotating" });
    const keyOf = (serial: number) => ({
      type: "Secret",
      mesh: "rotating",
      name: `dataplane-token-signing-key-rotating-${serial}`,
      data: Buffer.from(rsaKey().export({ type: "pkcs1", format: "pem" }) as string).toString("base64"),
    });
    const first = await issue("dataplane", { mesh: "rotating", name: "reloading" });
    // Its zone has proxies read their tokens from where they are.
    const proxy = await atoll.startProxy("west", document, { token: first });
    const online = async () => {
      const answer = await rest(`${atoll.zone("west").url}/meshes/rotating/dataplanes/reloading/_overview`);
      if (answer.status !== 200) return false;
      const { subscriptions = [] } = answer.json<{ dataplaneInsight: { subscriptions?: { disconnectTime?: string }[] } }>()
        .dataplaneInsight;
      return subscriptions.some(({ disconnectTime }) => disconnectTime === undefined);
    };
    await eventually(online, { limitMs: 20_000 });

    // Rotation: the newest serial signs, the older one still verifies.
    await atoll.apply(keyOf(2));
    const second = await issue("dataplane", { mesh: "rotating", name: "reloading" });
    expect(JSON.parse(Buffer.from(second.split(".")[0]!, "base64url").toString())).toMatchObject({ kid: "2" });
    expect(await online()).toBe(true);
    const name = "dataplane-token-signing-key-rotating-1";
    const key = `/meshes/rotating/secrets/${name}`;
    // Global hears of the proxy a moment after its zone.
    const body = JSON.stringify({ delete: [{ type: "Secret", mesh: "rotating", name }] });
    await eventually(
      async () => {
        const tried = await atoll.call("/changes?dry_run=true", { method: "POST", headers: jsonHeaders, body });
        return (tried.json<{ warnings?: string[] }>().warnings ?? []).length > 0;
      },
      { limitMs: 10_000 },
    );
    const { warnings } = (await atoll.call(key, { method: "DELETE" })).json<{ warnings: string[] }>();
    expect(warnings).toEqual([
      expect.stringMatching(
        /^1 connected proxy has a token of this key: each stays until its stream ends, and is refused when it comes again/,
      ),
    ]);
    const list = { type: "Secret", mesh: "rotating", name: "dataplane-token-revocations-rotating" };
    const revision = await atoll.apply({ ...list, data: Buffer.from("another").toString("base64") });
    await atoll.reaches("xds-west", revision);
    expect(await online()).toBe(true);
    await atoll.apply({ ...list, data: Buffer.from(idOf(first)).toString("base64") });
    await eventually(() => said(proxy).includes("authentication failed: "), { limitMs: 20_000 });
    await eventually(async () => !(await online()), { limitMs: 20_000 });

    writeFileSync(join(atoll.stack.workDir, "proxies", "rotating.reloading.token"), second);
    await eventually(online, { limitMs: 40_000 });
    await atoll.stopProxy("reloading");
  });

  test("with what is no token at all is not started", async () => {
    const document = dataplane("no-jwt");
    const proxy = await atoll.startProxy("east", document, { token: "certainly-not" });
    expect(await proxy.exited).not.toBe(0);
    expect(proxy.output()).toMatch(/holds no token: a JWT, three parts with dots between them/);
  });
});

describe("a user", () => {
  /** From an address that is not the one of localhost, where everybody is admin already. */
  const whoAmI = (token: string) =>
    new Promise<{ status?: number; name?: string }>((resolve, reject) => {
      const options = { localAddress: "127.0.0.2", headers: { authorization: `Bearer ${token}` } };
      const call = requestHttp(`${atoll.stack.url}/who-am-i`, options, (answer) => {
        answer.toArray().then((chunks) => {
          const { name } = JSON.parse(Buffer.concat(chunks).toString()) as { name?: string };
          resolve({ status: answer.statusCode, ...(name !== undefined && { name }) });
        }, reject);
      });
      call.on("error", reject).end();
    });

  test("with a token signed elsewhere is who it says, if the settings have the key's public half", async () => {
    const token = await signedOffline("own", "user-token", "--name", "jo", "--group", "mesh-system:admin");
    expect(await whoAmI(token)).toEqual({ status: 200, name: "jo" });
    const claims = { Name: "jo", Groups: ["mesh-system:admin"] };
    expect(await whoAmI(signed(rsaKey(), "own", claims))).toEqual({ status: 401 });
    expect(await whoAmI(forged(claims))).toEqual({ status: 401 });
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
        ATOLL_MONITORING_ASSIGNMENT_SERVER_PORT: "0",
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
    [
      "a token of another key than the one in the settings",
      () => signed(rsaKey(), "own", { Zone: "north", Scope: ["cp"] }),
      /signature is not valid/,
    ],
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

  test.each(["of global's", "signed elsewhere, by a key of the settings,"])("with a good token %s they register", async (whose) => {
    const zone = whose.startsWith("of") ? "north" : "south";
    const token =
      zone === "north" ? issue("zone", { zone, scope: ["cp"] }) : signedOffline("own", "zone-token", "--zone", zone, "--scope", "cp");
    await using started = await startZone(zone, await token);
    await eventually(() => /zone is ready/.test(started.output()), { limitMs: 20_000 });
    expect((await atoll.call(`/zones/${zone}`)).json()).toMatchObject({ type: "Zone", name: zone });
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
