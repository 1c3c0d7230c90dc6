import { readFileSync } from "node:fs";
import { expandPath } from "@atoll/runtime";
import { isSecretType, type Home, type Place } from "@atoll/kubernetes";
import { ConfigReplica, ZoneReplica, ZoneReplicaSet } from "@atoll/replica";
import type { Diagnostics, Lifecycle, Logger } from "@atoll/runtime";
import { type KeyRing, revealSecret, sealSecret, SecretError } from "@atoll/secret";
import type { Resource, ResourceDraft } from "@atoll/resource";
import { RestWriter } from "./carry/rest-writer.ts";
import type { Stored } from "./carry/stored-resources.ts";
import { connectToGlobal, connectToZone, type LogConnection } from "./log-connection.ts";
import type { KubernetesSettings } from "./settings.ts";

/** The log's side: what it holds, and how it is written. */
export interface LogPart {
  readonly config: ConfigReplica;
  readonly stored: Stored;
  readonly zones?: ZoneReplicaSet;
  readonly writers: Readonly<Record<Home, RestWriter | undefined>>;
  seal(draft: ResourceDraft): ResourceDraft | undefined;
  reveal(resource: Resource): Resource | undefined;
}

interface Context {
  readonly settings: KubernetesSettings;
  readonly place: Place;
  readonly instanceId: string;
  readonly diagnostics: Diagnostics;
  readonly lifecycle: Lifecycle;
  readonly log: Logger;
}

export async function openLogPart(context: Context): Promise<LogPart> {
  const { settings, place, instanceId, diagnostics, lifecycle, log } = context;
  const onError = (error: unknown) => log.warn({ err: error }, (error as Error).message);
  let config: ConfigReplica | undefined;
  const progress = () => ({ revision: config?.revision ?? 0, checksum: config?.checksum() ?? "" });
  const inZone =
    place.mode === "global"
      ? undefined
      : await connectToZone({ settings, zone: place.zone, instanceId, progress, diagnostics, lifecycle, log });
  const onGlobal = place.mode === "zone" ? undefined : await connectToGlobal({ settings, lifecycle });
  const follow = { signal: lifecycle.signal, onError };
  // A zone alone reads the configuration where it writes it: its own mirror is a moment later.
  config = lifecycle.add(
    "configuration",
    await ConfigReplica.open({ ...follow, log: (onGlobal ?? inZone)!.log, observer: diagnostics.replica }),
  );
  diagnostics.observe(config);
  const zone = inZone && lifecycle.add("resources", await ZoneReplica.open({ ...follow, log: inZone.log, zone: place.zone }));
  const zones =
    place.mode === "global" ? lifecycle.add("zones", await ZoneReplicaSet.open({ log: onGlobal!.log, config, onError })) : undefined;
  const rings = [onGlobal, inZone].flatMap((connection) => (connection ? [connection.ring] : []));
  return {
    config,
    stored: { config, zone },
    ...(zones && { zones }),
    writers: { config: writerOf(settings.global, onGlobal, lifecycle), zone: writerOf(settings.zone, inZone, lifecycle) },
    seal: (draft) => (isSecretType(draft.type) ? withAnyRing(rings, (ring) => sealSecret(ring, draft)) : draft),
    reveal: (resource) => withAnyRing(rings, (ring) => revealSecret(ring, resource)),
  };
}

function writerOf(
  { apiUrl, rootCaFile, tlsSkipVerify }: KubernetesSettings["zone"],
  connection: LogConnection | undefined,
  lifecycle: Lifecycle,
): RestWriter | undefined {
  if (connection === undefined) return undefined;
  const ca = rootCaFile === undefined ? undefined : readFileSync(expandPath(rootCaFile), "utf8");
  const options = { url: apiUrl, ...(ca !== undefined && { ca }), skipVerify: tlsSkipVerify, bearer: connection.bearer };
  return lifecycle.add("REST API", new RestWriter(options));
}

/** The answer of the first key ring that has the key; undefined: none has it. */
function withAnyRing<Answer>(rings: readonly KeyRing[], use: (ring: KeyRing) => Answer): Answer | undefined {
  for (const ring of rings) {
    try {
      return use(ring);
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
    }
  }
  return undefined;
}
