import { createPrivateKey, createPublicKey } from "node:crypto";
import { decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import {
  configuredKeys,
  createSigningKey,
  dataplaneScope,
  firstOf,
  issueToken,
  publicKeyPem,
  readSigningKey,
  renderJwks,
  resourceKeys,
  resourceRevocations,
  resourceSigningKeys,
  signingKeyResources,
  staticKeys,
  TokenError,
  userScope,
  verificationKeyChange,
  verifyDataplaneToken,
  verifyUserToken,
  verifyZoneToken,
  zoneScope,
  type KeyScope,
} from "./index.ts";
import { MemoryResources, ring, secretDraft } from "./memory-resources.fixture.ts";

const nowMs = Date.parse("2026-03-01T12:00:00.250Z");
let pems: string[] = [];
const pem = (index: number): string => pems[index]!;
const signer = (index: number, kid: string) => ({ kid, privateKey: readSigningKey(Buffer.from(pem(index))) });

beforeAll(async () => {
  pems = await Promise.all([createSigningKey(), createSigningKey(), createSigningKey()]);
});

const stateWith = (...scopes: [KeyScope, string, string][]): MemoryResources => {
  const resources = new MemoryResources();
  for (const [scope, kid, key] of scopes) resources.put(...signingKeyResources(scope, kid, key));
  return resources;
};
const optionsFor = (resources: MemoryResources, at = nowMs) => ({
  keys: resourceKeys(resources, ring),
  revocations: resourceRevocations(resources, ring),
  nowMs: at,
});
const codeOf = async (attempt: Promise<unknown>): Promise<string> => {
  try {
    await attempt;
    return "accepted";
  } catch (error) {
    if (error instanceof TokenError) return error.code;
    throw error;
  }
};
const zoneToken = (index: number, kid: string, validForMs = 60_000) =>
  issueToken({
    kind: "zone",
    claims: { zone: "east", scope: ["ingress", "egress"] },
    key: signer(index, kid),
    jti: "z-1",
    nowMs,
    validForMs,
  });

describe("what is issued", () => {
  test("a dataplane token: capitalised claims, tags as sorted sets, times in seconds", async () => {
    const claims = { name: "dp-1", mesh: "default", tags: { "kuma.io/service": ["web", "api", "web"] }, type: "dataplane" };
    const token = await issueToken({ kind: "dataplane", claims, key: signer(0, "3"), jti: "id-1", nowMs, validForMs: 86_400_000 });
    expect(decodeProtectedHeader(token)).toEqual({ alg: "RS256", kid: "3", typ: "JWT" });
    const iat = Math.floor(nowMs / 1000);
    expect(decodeJwt(token)).toEqual({
      Name: "dp-1",
      Mesh: "default",
      Tags: { "kuma.io/service": ["api", "web"] },
      Type: "dataplane",
      jti: "id-1",
      iat,
      nbf: iat - 300,
      exp: iat + 86_400,
    });
    const { payload } = await jwtVerify(token, createPublicKey(publicKeyPem(pem(0))), {
      currentDate: new Date(nowMs),
      algorithms: ["RS256"],
    });
    expect(payload.jti).toBe("id-1");
  });

  test("zone and user tokens; no groups is null", async () => {
    const zone = decodeJwt(await zoneToken(0, "1"));
    expect([zone["Zone"], zone["Scope"]]).toEqual(["east", ["ingress", "egress"]]);
    const user = await issueToken({
      kind: "user",
      claims: { name: "jane", groups: [] },
      key: signer(0, "1"),
      jti: "u",
      nowMs,
      validForMs: 1000,
    });
    expect(decodeJwt(user)).toMatchObject({ Name: "jane", Groups: null });
  });

  test("signing keys are PKCS 1 of 2048 bits; DER and PKCS 8 are read too", () => {
    expect(pem(0)).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
    const key = createPrivateKey(pem(0));
    expect(key.asymmetricKeyDetails?.modulusLength).toBe(2048);
    const der = key.export({ type: "pkcs1", format: "der" });
    const pkcs8 = key.export({ type: "pkcs8", format: "pem" });
    expect(publicKeyPem(der)).toBe(publicKeyPem(pem(0)));
    expect(publicKeyPem(pkcs8 as string)).toBe(publicKeyPem(pem(0)));
    expect(() => publicKeyPem("nonsense", 'Secret "x"')).toThrow('Secret "x" is not an RSA private key in PEM or DER');
  });
});

describe("serials", () => {
  test("the highest signs, by number; the bare name is 0; other secrets do not count", () => {
    const resources = stateWith([zoneScope, "0", pem(0)], [zoneScope, "9", pem(1)], [zoneScope, "10", pem(2)]);
    resources.put(
      secretDraft("GlobalSecret", "", "zone-token-signing-key-next", "x"),
      secretDraft("GlobalSecret", "", "zone-token-signing-keys-99", "x"),
    );
    const keys = resourceSigningKeys(resources, ring);
    expect(keys.newest(zoneScope).kid).toBe("10");
    for (const kid of ["10", "9"]) resources.delete("GlobalSecret", "", `zone-token-signing-key-${kid}`);
    expect(keys.newest(zoneScope).kid).toBe("0");
  });

  test("a mesh's keys are its own", () => {
    const resources = stateWith([dataplaneScope("a"), "1", pem(0)]);
    expect(resourceSigningKeys(resources, ring).newest(dataplaneScope("a")).kid).toBe("1");
    expect(() => resourceSigningKeys(resources, ring).newest(dataplaneScope("nomesh"))).toThrow(
      'there is no signing key with KID 1. Secret of name "dataplane-token-signing-key-nomesh-1" in mesh "nomesh" is not found. ' +
        "If signing key was rotated, regenerate the token",
    );
    expect(() => resourceSigningKeys(resources, ring).newest(zoneScope)).toThrow(
      'KID 1. GlobalSecret of name "zone-token-signing-key-1" is not found. If',
    );
  });

  test("rotation: old tokens hold until their key is gone, and then say so", async () => {
    const resources = stateWith([zoneScope, "1", pem(0)], [zoneScope, "2", pem(1)]);
    const old = await zoneToken(0, "1");
    expect(await codeOf(verifyZoneToken(old, optionsFor(resources)))).toBe("accepted");
    resources.delete("TokenVerificationKey", "", "zone-token-signing-key-1");
    await expect(verifyZoneToken(old, optionsFor(resources))).rejects.toThrow(
      /^there is no signing key with KID 1\. GlobalSecret of name "zone-token/,
    );
    expect(await codeOf(verifyZoneToken(await zoneToken(1, "2"), optionsFor(resources)))).toBe("accepted");
  });

  test("a name with leading zeros signs and verifies with the plain number", async () => {
    const [secret, verification] = signingKeyResources(zoneScope, "2", pem(0));
    const resources = new MemoryResources().put(
      { ...secret, name: "zone-token-signing-key-0002" },
      { ...verification, name: "zone-token-signing-key-0002" },
    );
    const { kid } = resourceSigningKeys(resources, ring).newest(zoneScope);
    expect(kid).toBe("2");
    expect(await codeOf(verifyZoneToken(await zoneToken(0, kid), optionsFor(resources)))).toBe("accepted");
  });
});

describe("what is accepted", () => {
  test("public keys are enough, and claims come back", async () => {
    const resources = stateWith([zoneScope, "1", pem(0)]);
    resources.delete("GlobalSecret", "", "zone-token-signing-key-1");
    const options = { ...optionsFor(resources), keys: resourceKeys(resources) };
    const claims = await verifyZoneToken(await zoneToken(0, "1"), options);
    expect(claims).toMatchObject({ zone: "east", scope: ["ingress", "egress"], jti: "z-1", expiresAtS: Math.floor(nowMs / 1000) + 60 });
  });

  test("claim names in any case", async () => {
    const resources = stateWith([dataplaneScope("default"), "1", pem(0)]);
    const token = await new SignJWT({ NAME: "dp", mesh: "default", taGs: { v: ["1"] } })
      .setProtectedHeader({ alg: "RS256", kid: "1" })
      .sign(createPrivateKey(pem(0)));
    expect(await verifyDataplaneToken(token, "default", optionsFor(resources))).toMatchObject({
      name: "dp",
      mesh: "default",
      tags: { v: ["1"] },
      type: "",
    });
  });

  test("times, to the second, without leeway", async () => {
    const resources = stateWith([zoneScope, "1", pem(0)]);
    const token = await zoneToken(0, "1");
    const at = (ms: number) => codeOf(verifyZoneToken(token, optionsFor(resources, ms)));
    const issuedMs = Math.floor(nowMs / 1000) * 1000;
    expect(await at(issuedMs)).toBe("accepted");
    expect(await at(issuedMs + 59_999)).toBe("accepted");
    expect(await at(issuedMs + 60_000)).toBe("expired");
    expect(await at(issuedMs - 1)).toBe("not-yet-valid");
  });

  test("keys of another mesh, another kind or another installation do not verify", async () => {
    const resources = stateWith([dataplaneScope("a"), "1", pem(0)], [dataplaneScope("b"), "1", pem(1)], [zoneScope, "1", pem(2)]);
    const claims = { name: "", mesh: "a", tags: {}, type: "" };
    const token = await issueToken({ kind: "dataplane", claims, key: signer(0, "1"), jti: "d", nowMs, validForMs: 60_000 });
    expect(await codeOf(verifyDataplaneToken(token, "a", optionsFor(resources)))).toBe("accepted");
    expect(await codeOf(verifyDataplaneToken(token, "b", optionsFor(resources)))).toBe("bad-signature");
    expect(await codeOf(verifyZoneToken(token, optionsFor(resources)))).toBe("bad-signature");
    expect(await codeOf(verifyDataplaneToken(token, "c", optionsFor(resources)))).toBe("unknown-key");
    expect(await codeOf(verifyUserToken(token, optionsFor(resources)))).toBe("unknown-key");
  });

  test("malformed, unsigned and altered tokens", async () => {
    const options = optionsFor(stateWith([zoneScope, "1", pem(0)]));
    const good = await zoneToken(0, "1");
    const [header = "", payload = "", signature = ""] = good.split(".");
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const altered = encode({ ...decodeJwt(good), Scope: ["cp"] });
    const cases: [string, string][] = [
      ["", "malformed"],
      ["abc", "malformed"],
      [`${header}.${payload}`, "malformed"],
      [`${header}.${altered}.${signature}`, "bad-signature"],
      [`${header}.${payload}.`, "bad-signature"],
      [`${encode({ alg: "none", kid: "1" })}.${payload}.`, "unsupported-algorithm"],
      [`${encode({ alg: "RS512", kid: "1" })}.${payload}.${signature}`, "unsupported-algorithm"],
      [`${encode({ alg: "RS256" })}.${payload}.${signature}`, "malformed"],
      [`${encode({ alg: "RS256", kid: "../1" })}.${payload}.${signature}`, "malformed"],
    ];
    for (const [token, code] of cases)
      expect([token.slice(0, 30), await codeOf(verifyZoneToken(token, options))]).toEqual([token.slice(0, 30), code]);
    const badClaims = await new SignJWT({ Zone: 5 }).setProtectedHeader({ alg: "RS256", kid: "1" }).sign(createPrivateKey(pem(0)));
    await expect(verifyZoneToken(badClaims, options)).rejects.toThrow("claims are malformed: zone: must be a string");
  });

  test("HS256 of old installations: the bare key's bytes, where they can be read, and never the public key", async () => {
    const hs256 = (key: Uint8Array) =>
      new SignJWT({ Zone: "east", Scope: ["ingress"] }).setProtectedHeader({ alg: "HS256", kid: "0" }).sign(key);
    const resources = stateWith([zoneScope, "0", pem(0)]);
    const legacy = await hs256(Buffer.from(pem(0)));
    expect(await codeOf(verifyZoneToken(legacy, optionsFor(resources)))).toBe("accepted");
    expect(await codeOf(verifyZoneToken(legacy, { ...optionsFor(resources), keys: resourceKeys(resources) }))).toBe("unknown-key");
    const confused = await hs256(Buffer.from(publicKeyPem(pem(0))));
    expect(await codeOf(verifyZoneToken(confused, optionsFor(resources)))).toBe("bad-signature");
    const emptyKey = new MemoryResources().put(secretDraft("GlobalSecret", "", "zone-token-signing-key", ""));
    expect(await codeOf(verifyZoneToken(legacy, optionsFor(emptyKey)))).toBe("unknown-key");
  });

  test("a zone's HS256 tokens need global's key; a dataplane's verify in the zones, as whoever verifies has to hold the key", async () => {
    const resources = stateWith([dataplaneScope("a"), "0", pem(0)]);
    const legacy = await new SignJWT({ Name: "d" }).setProtectedHeader({ alg: "HS256", kid: "0" }).sign(Buffer.from(pem(0)));
    const inZone = { ...optionsFor(resources), keys: resourceKeys(resources, { zone: ring.zone }) };
    expect(await codeOf(verifyDataplaneToken(legacy, "a", inZone))).toBe("accepted");
    expect(await codeOf(verifyDataplaneToken(legacy, "a", { ...inZone, keys: resourceKeys(resources) }))).toBe("unknown-key");
    const onGlobal = stateWith([zoneScope, "0", pem(0)]);
    expect(await codeOf(verifyZoneToken(legacy, { ...inZone, keys: resourceKeys(onGlobal, { zone: ring.zone }) }))).toBe("unknown-key");
  });

  test("keys of the settings: beside the stored ones or in their place, kind by kind", async () => {
    const stored = stateWith([zoneScope, "1", pem(0)], [userScope, "1", pem(0)]);
    const publicKeys = [{ kid: "mine", key: publicKeyPem(pem(1)) }];
    const verdict = async (index: number, kid: string, useSecrets: boolean) => {
      const keys = configuredKeys({ zone: { publicKeys, useSecrets } }, resourceKeys(stored, ring));
      return codeOf(verifyZoneToken(await zoneToken(index, kid), { ...optionsFor(stored), keys }));
    };
    expect([await verdict(1, "mine", true), await verdict(0, "1", true)]).toEqual(["accepted", "accepted"]);
    expect([await verdict(1, "mine", false), await verdict(0, "1", false)]).toEqual(["accepted", "unknown-key"]);
    expect(await verdict(2, "mine", true)).toBe("bad-signature");
    // Users are verified as ever.
    const keys = configuredKeys({ zone: { publicKeys, useSecrets: false } }, resourceKeys(stored, ring));
    expect(keys.publicKey(userScope, "1")).toBeDefined();
    expect(keys.publicKey(userScope, "mine")).toBeUndefined();
  });

  test("static public keys come before stored ones; a mesh can be named; other kinds are not served", async () => {
    const rsaPublicKey = createPublicKey(publicKeyPem(pem(1))).export({ type: "pkcs1", format: "pem" }) as string;
    const offline = staticKeys("dataplane", [
      { kid: "1", key: rsaPublicKey, mesh: "a" },
      { kid: "offline", key: publicKeyPem(pem(2)) },
    ]);
    const stored = stateWith([dataplaneScope("a"), "1", pem(0)], [dataplaneScope("b"), "1", pem(0)]);
    const options = { ...optionsFor(stored), keys: firstOf(offline, resourceKeys(stored, ring)) };
    const issue = (index: number, kid: string) =>
      issueToken({
        kind: "dataplane",
        claims: { name: "", mesh: "", tags: {}, type: "" },
        key: signer(index, kid),
        jti: "d",
        nowMs,
        validForMs: 60_000,
      });
    expect(await codeOf(verifyDataplaneToken(await issue(1, "1"), "a", options))).toBe("accepted");
    expect(await codeOf(verifyDataplaneToken(await issue(1, "1"), "b", options))).toBe("bad-signature");
    expect(await codeOf(verifyDataplaneToken(await issue(0, "1"), "b", options))).toBe("accepted");
    expect(await codeOf(verifyDataplaneToken(await issue(2, "offline"), "b", options))).toBe("accepted");
    expect(await codeOf(verifyZoneToken(await zoneToken(2, "offline"), options))).toBe("unknown-key");
    expect(() => staticKeys("user", [{ kid: "7", key: pem(0) }])).toThrow('public key 1 (kid "7") is not an RSA public key in PEM');
  });
});

describe("revocation", () => {
  const dataplane = (jti: string) =>
    issueToken({
      kind: "dataplane",
      claims: { name: "", mesh: "a", tags: {}, type: "" },
      key: signer(0, "1"),
      jti,
      nowMs,
      validForMs: 60_000,
    });

  test("by id, from a global list or the mesh's own, as soon as the list changes", async () => {
    const resources = stateWith([dataplaneScope("a"), "1", pem(0)]);
    const options = optionsFor(resources);
    const verdicts = async () =>
      Promise.all(["x", "y", "z"].map(async (jti) => codeOf(verifyDataplaneToken(await dataplane(jti), "a", options))));
    expect(await verdicts()).toEqual(["accepted", "accepted", "accepted"]);
    resources.put(secretDraft("GlobalSecret", "", "dataplane-token-revocations-a", "other,x\n"));
    expect(await verdicts()).toEqual(["revoked", "accepted", "accepted"]);
    resources.put(
      secretDraft("Secret", "a", "dataplane-token-revocations-a", "y"),
      secretDraft("Secret", "b", "dataplane-token-revocations-a", "z"),
    );
    expect(await verdicts()).toEqual(["revoked", "revoked", "accepted"]);
    resources.put(secretDraft("GlobalSecret", "", "dataplane-token-revocations-a", ""));
    expect(await verdicts()).toEqual(["accepted", "revoked", "accepted"]);
  });

  test("a list that cannot be opened accepts nothing", async () => {
    const resources = stateWith([userScope, "1", pem(0)]).put(secretDraft("GlobalSecret", "", "user-token-revocations", "x"));
    const token = await issueToken({
      kind: "user",
      claims: { name: "u", groups: [] },
      key: signer(0, "1"),
      jti: "y",
      nowMs,
      validForMs: 60_000,
    });
    expect(await codeOf(verifyUserToken(token, optionsFor(resources)))).toBe("accepted");
    const options = { ...optionsFor(resources), revocations: resourceRevocations(resources, { zone: ring.zone }) };
    await expect(verifyUserToken(token, options)).rejects.toThrow(/needs the global sealing key/);
  });
});

test("a signing key's change carries its public key; other resources carry nothing", () => {
  const key = { type: "Secret", mesh: "a", name: "dataplane-token-signing-key-a-4" };
  const target = { type: "TokenVerificationKey", mesh: "a", name: key.name };
  const put = verificationKeyChange(key, Buffer.from(pem(0)));
  expect(put).toEqual({ op: "put", resource: { ...target, spec: { kid: "4", publicKeyPem: publicKeyPem(pem(0)) } } });
  expect(JSON.stringify(put)).not.toContain("PRIVATE");
  expect(verificationKeyChange(key, undefined)).toEqual({ op: "delete", key: target });
  expect(verificationKeyChange(key, Buffer.from("not a key"))).toEqual({ op: "delete", key: target });
  expect(verificationKeyChange({ ...key, mesh: "b" }, Buffer.from(pem(0)))).toBeUndefined();
  expect(verificationKeyChange({ ...key, type: "GlobalSecret", mesh: "" }, undefined)).toBeUndefined();
});

test("JWKS: public parts only, filtered by scope", async () => {
  const resources = stateWith([dataplaneScope("a"), "1", pem(0)], [dataplaneScope("b"), "1", pem(1)], [zoneScope, "3", pem(2)]);
  const all = renderJwks(resources);
  expect(all.keys.map((key) => [key["atoll:kind"], key["atoll:mesh"], key.kid])).toEqual([
    ["dataplane", "a", "1"],
    ["dataplane", "b", "1"],
    ["zone", undefined, "3"],
  ]);
  for (const key of all.keys) expect(Object.keys(key)).not.toEqual(expect.arrayContaining(["d"]));
  const [zoneKey] = renderJwks(resources, { kind: "zone" }).keys;
  const { payload } = await jwtVerify(await zoneToken(2, "3"), { ...zoneKey! }, { currentDate: new Date(nowMs) });
  expect(payload["Zone"]).toBe("east");
  expect(renderJwks(resources, { kind: "dataplane", mesh: "b" }).keys).toHaveLength(1);
});
