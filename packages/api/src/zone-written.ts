import type { ResourceReader } from "@atoll/replica";
import { type Kind, type ResourceDraft, type ResourceKey, type Violation, isWrittenOnBothSides } from "@atoll/resource";
import { sealingKeyName } from "@atoll/secret";
import type { ApiOptions } from "./ports.ts";

/** Why a zone may not have a Secret of this name: what signs tokens is global's, and so is what global has. */
export function zoneSecretViolations({ type, mesh, name }: ResourceDraft, config: ResourceReader): Violation[] {
  if (type !== "Secret") return [];
  if (sealingKeyName({ type, mesh, name }) === "global")
    return [{ field: "name", reason: "a key that signs tokens can be written on global only" }];
  if (config.get(type, mesh, name) === undefined) return [];
  return [{ field: "name", reason: "global has a Secret of this name, which holds in every zone" }];
}

/** For whoever writes in a zone what global has under the same name. */
export function hiddenByZone(kind: Kind, { type, mesh, name }: ResourceDraft, { config }: ApiOptions): string[] {
  if (!isWrittenOnBothSides(kind) || type === "Secret" || config.get(type, mesh, name) === undefined) return [];
  return [`global has a ${type} of this name: while this zone has one, global's does not hold here`];
}

/** For whoever writes on global what zones have under the same name. */
export function hiddenInZones(kind: Kind, { type, mesh, name }: ResourceKey, { zones }: ApiOptions): string[] {
  if (!isWrittenOnBothSides(kind)) return [];
  const having = (zones?.names() ?? []).filter((zone) => zones?.reader(zone)?.get(type, mesh, name) !== undefined);
  if (having.length === 0) return [];
  const where = having.length === 1 ? `zone ${having[0]} has` : `zones ${having.join(", ")} have`;
  return [`${where} a ${type} of this name, which ${type === "Secret" ? "does not hold there any more" : "holds there instead"}`];
}
