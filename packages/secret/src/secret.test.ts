import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  deriveServiceBearer,
  isServiceBearer,
  loadSealingKey,
  revealSecret,
  SealingKey,
  sealingKeyName,
  sealSecret,
  SecretError,
  storeSealingKey,
  unsealSecret,
  type SealedSecretSpec,
} from "./index.ts";

const ring = { global: SealingKey.generate(), zone: SealingKey.generate() };
const secret = (name: string, bytes: Uint8Array, type = "Secret") => ({
  type,
  mesh: type === "Secret" ? "default" : "",
  name,
  spec: { data: Buffer.from(bytes).toString("base64") },
});
const codeOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof SecretError) return error.code;
    throw error;
  }
  return "none";
};

describe("sealing", () => {
  test("any bytes come back, and equal bytes of one secret seal equally", () => {
    for (const length of [0, 1, 15, 16, 17, 4096]) {
      const draft = secret("s", randomBytes(length));
      const sealed = sealSecret(ring, draft);
      expect(Buffer.from(unsealSecret(ring, sealed)).toString("base64")).toBe(draft.spec.data);
      expect(sealSecret(ring, structuredClone(draft))).toEqual(sealed);
      expect(revealSecret(ring, sealed)).toEqual(draft);
    }
  });

  test("one changed byte, another name or another key gives an unrelated IV", () => {
    const iv = (draft: ReturnType<typeof secret>, keys = ring) => (sealSecret(keys, draft).spec as SealedSecretSpec).sealed.iv;
    const ivs = [
      iv(secret("a", Buffer.from("x"))),
      iv(secret("a", Buffer.from("y"))),
      iv(secret("b", Buffer.from("x"))),
      iv(secret("a", Buffer.from("x")), { ...ring, zone: SealingKey.generate() }),
    ];
    expect(new Set(ivs).size).toBe(4);
  });

  test("the plaintext is nowhere in the record", () => {
    const text = JSON.stringify(sealSecret(ring, secret("s", Buffer.from("very secret bytes"))));
    expect(text).not.toContain("very secret");
    expect(text).not.toContain(Buffer.from("very secret bytes").toString("base64"));
  });

  test("every changed part and a move to another name are detected", () => {
    const sealed = sealSecret(ring, secret("s", randomBytes(40)));
    const parts = (sealed.spec as SealedSecretSpec).sealed;
    for (const part of ["iv", "tag", "ciphertext"] as const) {
      const bytes = Buffer.from(parts[part], "base64");
      bytes[0] = bytes[0]! ^ 1;
      const changed = { ...sealed, spec: { sealed: { ...parts, [part]: bytes.toString("base64") } } };
      expect(codeOf(() => unsealSecret(ring, changed))).toBe("tampered");
    }
    expect(codeOf(() => unsealSecret(ring, { ...sealed, name: "other" }))).toBe("tampered");
    const shortTag = { ...sealed, spec: { sealed: { ...parts, tag: Buffer.from(parts.tag, "base64").subarray(0, 4).toString("base64") } } };
    expect(codeOf(() => unsealSecret(ring, shortTag))).toBe("tampered");
  });

  test("a missing and a wrong key are told apart, by name and id", () => {
    const sealed = sealSecret(ring, secret("dataplane-token-signing-key-default-1", randomBytes(8)));
    expect(() => unsealSecret({ zone: ring.zone }, sealed)).toThrow(
      "Secret/default/dataplane-token-signing-key-default-1 needs the global sealing key, which this process does not have",
    );
    expect(() => unsealSecret({ global: ring.zone }, sealed)).toThrow(
      `sealed with key ${ring.global.id}; this process holds ${ring.zone.id}`,
    );
    expect(codeOf(() => sealSecret({}, secret("s", randomBytes(1))))).toBe("no-key");
    expect(codeOf(() => unsealSecret(ring, { type: "Mesh", mesh: "", name: "default", spec: {} }))).toBe("bad-record");
  });

  test("other kinds, empty secrets and sealed ones pass through", () => {
    const mesh = { type: "Mesh", mesh: "", name: "default", spec: { data: "eA==" } };
    expect(sealSecret(ring, mesh)).toBe(mesh);
    const empty = { type: "Secret", mesh: "default", name: "e", spec: {} };
    expect(sealSecret(ring, empty)).toBe(empty);
    expect(unsealSecret(ring, empty)).toHaveLength(0);
    const sealed = sealSecret(ring, secret("s", randomBytes(3)));
    expect(sealSecret(ring, sealed)).toBe(sealed);
  });

  test("after a rotation old records open and new ones use the new key", () => {
    const rotated = { zone: SealingKey.parse(SealingKey.generate().export() + "# before\n" + ring.zone.export()) };
    const draft = secret("s", randomBytes(9));
    expect(Buffer.from(unsealSecret(rotated, sealSecret(ring, draft))).toString("base64")).toBe(draft.spec.data);
    expect((sealSecret(rotated, draft).spec as SealedSecretSpec).sealed.keyId).toBe(rotated.zone.id);
  });
});

test("keys that only global may have", () => {
  const global = [
    "user-token-signing-key-1",
    "user-token-revocations",
    "admin-user-token",
    "zone-token-signing-key",
    "zone-token-signing-key-2",
  ];
  for (const name of [...global, "envoy-admin-ca", "inter-cp-ca"])
    expect(sealingKeyName({ type: "GlobalSecret", mesh: "", name })).toBe("global");
  for (const name of ["zone-token-revocations", "zone-token-signing-public-key-1", "dataplane-token-revocations-default", "other"]) {
    expect(sealingKeyName({ type: "GlobalSecret", mesh: "", name })).toBe("zone");
  }
  expect(sealingKeyName({ type: "Secret", mesh: "m", name: "dataplane-token-signing-key-m-1" })).toBe("global");
  expect(sealingKeyName({ type: "Secret", mesh: "m", name: "m.ca-builtin-key-ca-1" })).toBe("zone");
  expect(sealingKeyName({ type: "Secret", mesh: "m", name: "admin-user-token" })).toBe("zone");
});

test("a key does not show in JSON or in inspection", () => {
  const material = ring.global.export().trim();
  expect(JSON.stringify(ring)).not.toContain(material);
  expect(inspect(ring, { depth: 9, showHidden: true })).not.toContain(material.slice(0, 20));
});

describe("service bearer", () => {
  test("is the same for the same key only", () => {
    const bearer = deriveServiceBearer(ring.global);
    expect(deriveServiceBearer(SealingKey.parse(ring.global.export()))).toBe(bearer);
    expect(isServiceBearer(ring.global, `Bearer ${bearer}`)).toBe(true);
    expect(isServiceBearer(ring.zone, `Bearer ${bearer}`)).toBe(false);
    for (const header of [undefined, "", "Bearer", "Bearer ", bearer, `Basic ${bearer}`, `Bearer ${bearer}x`]) {
      expect(isServiceBearer(ring.global, header)).toBe(false);
    }
  });

  test("of the key before a rotation is still accepted", () => {
    const rotated = SealingKey.parse(SealingKey.generate().export() + ring.global.export());
    expect(isServiceBearer(rotated, `Bearer ${deriveServiceBearer(ring.global)}`)).toBe(true);
  });
});

describe("key file", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "atoll-secret-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("is made once, with mode 0600, even by several at a time", async () => {
    const path = join(folder, "deep", "global.key");
    const keys = await Promise.all(Array.from({ length: 8 }, () => loadSealingKey(path)));
    expect(new Set(keys.map((key) => key.id)).size).toBe(1);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await loadSealingKey(path, { create: false })).id).toBe(keys[0]?.id);
  });

  test("is replaced by a received key", async () => {
    const path = join(folder, "zone.key");
    await storeSealingKey(path, ring.zone);
    expect((await loadSealingKey(path)).id).toBe(ring.zone.id);
    expect(await readFile(path, "utf8")).toBe(ring.zone.export());
  });

  test("absent, empty or malformed: the error names the file, not its content", async () => {
    await expect(loadSealingKey(join(folder, "absent"), { create: false })).rejects.toThrow(/absent does not exist/);
    await expect(loadSealingKey(folder)).rejects.toThrow(/cannot be read: EISDIR/);
    const path = join(folder, "bad.key");
    await writeFile(path, "\n# only a comment\n");
    await expect(loadSealingKey(path)).rejects.toThrow(/holds no key/);
    await writeFile(path, "c2hvcnQ=\n");
    await expect(loadSealingKey(path)).rejects.toThrow(/bad\.key: line 1 is not a base64 key of 32 bytes/);
  });
});
