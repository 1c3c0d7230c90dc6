import { randomUUID } from "node:crypto";
import type { ChangeSet, ConfigReplica } from "@atoll/replica";
import { globalHostnameGenerators, keyString, type ResourceDraft } from "@atoll/resource";
import { SecretError, isSecretType, sealingKeyName, sealSecret, unsealSecret, type KeyRing, type SealingKeyName } from "@atoll/secret";
import { createSigningKey, firstKid, issueToken, readSigningKey, signingKeyResources, userScope, zoneScope } from "@atoll/token";

/** Kind of global's own notes in the log; not on the REST API. */
const configType = "Config";
const clusterIdName = "kuma-cluster-id";
const tenYearsMs = 10 * 365 * 24 * 3_600_000;

export const clusterIdOf = (config: ConfigReplica): string =>
  config.get<{ config: string }>(configType, "", clusterIdName)?.spec.config ?? "";

/**
 * What a cluster has from its first start on: its id, the keys that sign zone and user tokens, and the admin's token. Each is
 * written only if it is absent, so that of replicas that start together one wins and the others take what it wrote.
 */
export async function ensureClusterSecrets(
  config: ConfigReplica,
  keyRing: KeyRing,
  options: { bootstrapAdminToken: boolean; nowMs: number },
): Promise<void> {
  const absent = (draft: ResourceDraft) => config.get(draft.type, draft.mesh, draft.name) === undefined;
  const write = (drafts: ResourceDraft[], reason: string) =>
    submitAbsent(
      config,
      drafts.map((draft) => sealSecret(keyRing, draft)),
      reason,
      options.nowMs,
    );

  const clusterId: ResourceDraft = { type: configType, mesh: "", name: clusterIdName, spec: { config: randomUUID() } };
  if (absent(clusterId)) await write([clusterId], "first start: the cluster's id");
  for (const scope of [zoneScope, userScope]) {
    const pem = await createSigningKey();
    const resources = signingKeyResources(scope, firstKid, pem);
    if (!absent(resources[0])) continue;
    const drafts: ResourceDraft[] = [...resources];
    if (scope === userScope && options.bootstrapAdminToken) {
      const token = await issueToken({
        kind: "user",
        claims: { name: "mesh-system:admin", groups: ["mesh-system:admin"] },
        key: { kid: firstKid, privateKey: readSigningKey(Buffer.from(pem)) },
        jti: randomUUID(),
        nowMs: options.nowMs,
        validForMs: tenYearsMs,
      });
      drafts.push({ type: "GlobalSecret", mesh: "", name: "admin-user-token", spec: { data: Buffer.from(token).toString("base64") } });
    }
    await write(drafts, `first start: ${resources[0].name}`);
  }
}

/** The host name generators that a cluster begins with; as in Kuma, one that was deleted is there again after a restart. */
export async function ensureHostnameGenerators(config: ConfigReplica, nowMs: number): Promise<void> {
  const absent = globalHostnameGenerators.filter(({ type, mesh, name }) => config.get(type, mesh, name) === undefined);
  if (absent.length > 0) await submitAbsent(config, absent, "start: host name generators", nowMs);
}

/** Every replica of global has to hold the same sealing keys: one that made its own could neither read nor write the cluster's secrets. */
export function assertClusterKeys(config: ConfigReplica, keyRing: KeyRing, workDir: string): void {
  const seen = new Set<SealingKeyName>();
  for (const secret of config.all()) {
    if (!isSecretType(secret.type) || seen.has(sealingKeyName(secret))) continue;
    const name = sealingKeyName(secret);
    seen.add(name);
    try {
      unsealSecret(keyRing, secret);
    } catch (error) {
      if (!(error instanceof SecretError) || error.code !== "wrong-key") throw error;
      throw new Error(
        `${workDir}/${name}.key is not the key that this cluster's secrets are sealed with: copy global.key and zone.key of another replica of global to here`,
        { cause: error },
      );
    }
  }
}

async function submitAbsent(config: ConfigReplica, drafts: readonly ResourceDraft[], reason: string, nowMs: number): Promise<void> {
  const changeSet: ChangeSet = {
    id: randomUUID(),
    at: new Date(nowMs).toISOString(),
    author: "mesh-system:admin",
    reason,
    changes: drafts.map((resource) => ({ op: "put", resource })),
    expect: drafts.map((draft) => ({ key: keyString(draft), revision: null })),
  };
  // A rejection means that another replica was first.
  await config.submit(changeSet);
}
