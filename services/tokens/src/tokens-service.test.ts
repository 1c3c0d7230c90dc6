import { keyString, type Resource, type ResourceDraft } from "@atoll/resource";
import { deriveServiceBearer, sealSecret, SealingKey } from "@atoll/secret";
import {
  createRemoteIssuer,
  createSigningKey,
  dataplaneScope,
  signingKeyResources,
  userScope,
  zoneScope,
  type IssuedToken,
  type ResourceSource,
} from "@atoll/token";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startTokens, type TokensPorts } from "./index.ts";

const keyRing = { global: SealingKey.generate(), zone: SealingKey.generate() };
const nowMs = Date.parse("2026-03-01T12:00:00Z");
const bearer = deriveServiceBearer(keyRing.global);
const stored = new Map<string, Resource>();
const resources: ResourceSource = {
  get: <Spec>(type: string, mesh: string, name: string) => stored.get(keyString({ type, mesh, name })) as Resource<Spec> | undefined,
  list: <Spec>(type: string, mesh?: string) =>
    [...stored.values()].filter((resource) => resource.type === type && (mesh === undefined || resource.mesh === mesh)) as Resource<Spec>[],
};
const put = (...drafts: ResourceDraft[]): void => {
  for (const draft of drafts) {
    stored.set(keyString(draft), { ...sealSecret(keyRing, draft), creationTime: "", modificationTime: "", revision: 1 });
  }
};

const part = (token: string, index: number): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString()) as Record<string, unknown>;
const decodeProtectedHeader = (token: string) => part(token, 0);
const decodeJwt = (token: string) => part(token, 1);

const entries: IssuedToken[] = [];
const logged: string[] = [];
const log = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
const refusals: unknown[] = [];
let ledgerWorks = true;
let waitedFor: number[] = [];
const ports: TokensPorts = {
  resources,
  keyRing,
  clock: () => nowMs,
  newId: () => `id-${entries.length + 1}`,
  ledger: {
    append: async (entry) => {
      if (!ledgerWorks) throw new Error("the log is not available");
      entries.push(entry);
    },
  },
  waitFor: async (revision) => {
    waitedFor.push(revision);
    if (revision > 100) throw new Error("late");
  },
  onRefused: (refusal) => refusals.push(refusal),
  logger: { info: log, error: log },
};

let server: Awaited<ReturnType<typeof startTokens>>;
let url = "";
beforeAll(async () => {
  server = await startTokens({ host: "127.0.0.1", port: 0 }, ports);
  url = `http://127.0.0.1:${server.port}`;
  const scopes = [dataplaneScope("default"), zoneScope, userScope];
  for (const scope of scopes) put(...signingKeyResources(scope, "1", await createSigningKey()));
});
afterAll(() => server.close());
beforeEach(() => {
  entries.length = 0;
  logged.length = 0;
  waitedFor = [];
  ledgerWorks = true;
});

const post = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<{ status: number; text: string }> => {
  const response = await fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${bearer}`, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
};

describe("issuing", () => {
  test("a dataplane token, and its ledger entry without the token", async () => {
    const body = { name: "dp-1", mesh: "default", tags: { "kuma.io/service": ["web", "api"] }, type: "dataplane", validFor: "24h0m0s" };
    const { status, text } = await post("/tokens/dataplane", body, { "atoll-author": encodeURIComponent("jané"), "atoll-revision": "7" });
    expect([status, decodeProtectedHeader(text)]).toEqual([200, { alg: "RS256", kid: "1", typ: "JWT" }]);
    expect(decodeJwt(text)).toMatchObject({ Name: "dp-1", Tags: { "kuma.io/service": ["api", "web"] }, jti: "id-1" });
    const expected = { jti: "id-1", kind: "dataplane", subject: "dp-1", mesh: "default", kid: "1", author: "jané" };
    expect(entries).toEqual([{ ...expected, issuedAt: "2026-03-01T12:00:00.000Z", expiresAt: "2026-03-02T12:00:00.000Z" }]);
    expect(JSON.stringify(entries)).not.toContain(text.split(".")[2]);
    expect(waitedFor).toEqual([7]);
  });

  test("refusals have the bodies of the public API", async () => {
    const invalid = await post("/tokens/dataplane", { name: "dp-1", validFor: "1h" });
    expect(invalid.status).toBe(400);
    expect(JSON.parse(invalid.text)).toEqual({
      type: "/std-errors",
      status: 400,
      title: "Invalid request",
      detail: "Resource is not valid",
      invalid_parameters: [{ field: "mesh", reason: "cannot be empty" }],
      details: "Resource is not valid",
      causes: [{ field: "mesh", message: "cannot be empty" }],
    });
    const missing = await post("/tokens/dataplane", { mesh: "nomesh" });
    const detail =
      'there is no signing key with KID 1. Secret of name "dataplane-token-signing-key-nomesh-1" in mesh "nomesh" is not found. ' +
      "If signing key was rotated, regenerate the token";
    expect(JSON.parse(missing.text)).toEqual({ type: "/std-errors", status: 404, title: "Signing Key not found", detail, details: detail });
    expect(await post("/tokens/zone", "{")).toEqual({ status: 400, text: "" });
    expect(entries).toEqual([]);
  });

  test("only services with the bearer", async () => {
    const stranger = "who asks has to show the bearer of a service or the token of a zone";
    const onlyGlobal = "only global, by the key that it shares with the issuer, is answered here";
    for (const [kind, authorization, reason] of [
      ["user", "", stranger],
      ["user", "Basic YTpi", stranger],
      ["user", "Bearer x", onlyGlobal],
      ["zone", `Bearer ${deriveServiceBearer(keyRing.zone)}`, onlyGlobal],
      ["dataplane", "Bearer x", "the token is not a signed JWT"],
    ] as const) {
      const answer = await post(`/tokens/${kind}`, { name: "u", validFor: "1h" }, { authorization });
      expect([answer.status, (JSON.parse(answer.text) as { detail: string }).detail]).toEqual([401, `Unauthenticated: ${reason}`]);
      expect(refusals.at(-1)).toEqual({ status: 401, reason, from: "127.0.0.1", method: "POST", path: `/tokens/${kind}` });
    }
    expect(entries).toEqual([]);
  });

  test("no ledger entry, no token; the reason is logged, not answered", async () => {
    ledgerWorks = false;
    const { status, text } = await post("/tokens/zone", { scope: ["cp"] });
    expect([status, (JSON.parse(text) as { detail: string }).detail]).toEqual([500, "Internal Server Error"]);
    expect(logged).toHaveLength(1);
  });

  test("an issuer that is behind says so; a body too large is refused", async () => {
    expect((await post("/tokens/zone", { scope: ["cp"] }, { "atoll-revision": "101" })).status).toBe(503);
    expect((await post("/tokens/zone", " ".repeat(2 ** 20 + 1))).status).toBe(413);
    expect(entries).toEqual([]);
  });

  test("a signing key that cannot be opened is a failure of the service and names no key material", async () => {
    put({
      type: "Secret",
      mesh: "broken",
      name: "dataplane-token-signing-key-broken-1",
      spec: { data: Buffer.from("hush").toString("base64") },
    });
    expect((await post("/tokens/dataplane", { mesh: "broken" })).status).toBe(500);
    expect(logged.join()).not.toContain("hush");
  });
});

describe("verifying", () => {
  test("claims, or the reason; revoked at once", async () => {
    const token = (await post("/tokens/zone", { zone: "east", scope: ["ingress"], validFor: "1h" })).text;
    const good = await post("/tokens/verify", { kind: "zone", token });
    expect([good.status, JSON.parse(good.text)]).toEqual([200, expect.objectContaining({ zone: "east", scope: ["ingress"], jti: "id-1" })]);
    put({ type: "GlobalSecret", mesh: "", name: "zone-token-revocations", spec: { data: Buffer.from("id-1").toString("base64") } });
    const revoked = await post("/tokens/verify", { kind: "zone", token });
    expect([revoked.status, (JSON.parse(revoked.text) as { detail: string }).detail]).toEqual([401, "the token is revoked"]);
    expect((await post("/tokens/verify", { kind: "robot", token })).status).toBe(400);
    expect((await post("/tokens/verify", { kind: "dataplane", mesh: "default", token })).status).toBe(401);
  });

  test("public keys for everyone", async () => {
    const keys = async (query: string) =>
      ((await (await fetch(`${url}/.well-known/jwks.json${query}`)).json()) as { keys: Record<string, string>[] }).keys;
    expect((await keys("")).map((key) => key["atoll:kind"])).toEqual(["dataplane", "zone", "user"]);
    expect(await keys("?kind=zone")).toEqual([expect.objectContaining({ kty: "RSA", kid: "1", alg: "RS256" })]);
    expect((await fetch(`${url}/other`)).status).toBe(404);
  });
});

describe("the client of global", () => {
  const issuer = (options: { bearer?: string; url?: string; ca?: string } = {}) =>
    createRemoteIssuer({ url, bearer, revision: () => 3, ...options });

  test("passes on tokens and problems", async () => {
    const issued = await issuer()("user", { claims: { name: "u", groups: ["a"] }, validForMs: 1_500 }, "mesh-system:admin");
    expect("token" in issued && decodeJwt(issued.token)).toMatchObject({ Name: "u", Groups: ["a"], exp: nowMs / 1000 + 1 });
    expect(entries).toMatchObject([{ author: "mesh-system:admin", subject: "u" }]);
    expect(waitedFor).toEqual([3]);
    const refused = await issuer()("dataplane", { claims: { name: "", mesh: "nomesh", tags: {}, type: "" }, validForMs: 1 }, "a");
    expect(refused).toMatchObject({ problem: { status: 404, title: "Signing Key not found" } });
  });

  test("says when the issuer is away or does not know it", async () => {
    const request = { claims: { zone: "z", scope: ["cp"] }, validForMs: 1 };
    expect(await issuer({ bearer: "x" })("zone", request, "a")).toMatchObject({
      problem: {
        status: 502,
        detail: "the token issuer refused this service: only global, by the key that it shares with the issuer, is answered here",
      },
    });
    const detail = "the token issuer cannot be reached: connect ECONNREFUSED 127.0.0.1:1";
    const away = { problem: { status: 503, title: "Could not issue a token", detail } };
    expect(await issuer({ url: "http://127.0.0.1:1" })("zone", request, "a")).toEqual(away);
  });

  test("asks over TLS only whose certificate it trusts", async () => {
    const { certificatePem: cert, privateKeyPem: key } = selfSignedPair(["localhost"]);
    const secure = await startTokens({ host: "localhost", port: 0, tls: { cert, key } }, ports);
    try {
      const ask = (options: { url: string; ca?: string }) =>
        issuer(options)("user", { claims: { name: "u", groups: [] }, validForMs: 1_000 }, "a");
      const at = `https://localhost:${secure.port}`;
      expect(await ask({ url: at, ca: cert })).toEqual({ token: expect.any(String) });
      expect(await ask({ url: at })).toMatchObject({ problem: { status: 503, detail: expect.stringMatching(/self-signed certificate/) } });
      expect(await ask({ url: at, ca: selfSignedPair(["localhost"]).certificatePem })).toMatchObject({ problem: { status: 503 } });
      expect(await ask({ url: `http://localhost:${secure.port}` })).toMatchObject({ problem: { status: 503 } });
    } finally {
      await secure.close();
    }
  });
});
