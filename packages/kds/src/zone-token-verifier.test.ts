import { createPrivateKey } from "node:crypto";
import { createSigningKey, issueToken, publicKeyPem, staticKeys } from "@atoll/token";
import { beforeAll, expect, test } from "vitest";
import { zoneTokenVerifier } from "./zone-token-verifier.ts";

const nowMs = Date.parse("2026-01-01T00:00:00Z");
let pem: string;
beforeAll(async () => {
  pem = await createSigningKey();
});

const issue = (claims: { zone: string; scope: string[] }, jti = "1") =>
  issueToken({ kind: "zone", claims, key: { kid: "1", privateKey: createPrivateKey(pem) }, jti, nowMs, validForMs: 60_000 });

const verifier = (atMs = nowMs) =>
  zoneTokenVerifier(() => ({
    keys: staticKeys("zone", [{ kid: "1", key: publicKeyPem(pem) }]),
    revocations: { isRevoked: (_, jti) => jti === "revoked" },
    nowMs: atMs,
  }));

test("accepts a cp-scoped token and says whose it is and until when", async () => {
  expect(await verifier()(await issue({ zone: "east", scope: ["cp"] }))).toEqual({ zone: "east", expiresAtMs: nowMs + 60_000 });
});

test("refuses everything else with the reason", async () => {
  const cp = { zone: "east", scope: ["cp"] };
  expect(await verifier()(await issue({ zone: "east", scope: ["ingress", "egress"] }))).toEqual({
    error: `the token's scope is "ingress", "egress"; "cp" is needed`,
  });
  expect(await verifier(nowMs + 60_000)(await issue(cp))).toEqual({ error: "the token is expired" });
  expect(await verifier()(await issue(cp, "revoked"))).toEqual({ error: "the token is revoked" });
  expect(await verifier()(`${(await issue(cp)).slice(0, -8)}AAAAAAAA`)).toEqual({ error: "the token's signature is not valid" });
  expect(await verifier()("not-a-token")).toEqual({ error: "the token is not a signed JWT" });
});
