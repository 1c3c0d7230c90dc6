import type { Change, ResourceReader } from "@atoll/replica";
import {
  type DataplaneSpec,
  type Kind,
  type MeshSpec,
  type Resource,
  type ResourceDraft,
  type ResourceKey,
  type Violation,
  isOnline,
  keyString,
  label,
  withComputedLabels,
  withUnprovenInbounds,
  withZoneTag,
  zonePinType,
} from "@atoll/resource";
import type { Preparation, Proposal } from "./config-writer.ts";
import { externalServiceViolations, rateLimitViolations } from "./external-service-rules.ts";
import { type MeshMaterial, decideMesh } from "./mesh-lifecycle.ts";
import type { ApiOptions } from "./ports.ts";
import { invalid, notFound } from "./problem.ts";
import type { WrittenDocument } from "./read-document.ts";
import { inUseViolations, signingKeyChange } from "./secret-rules.ts";

export type Written = "created" | "updated";

const createTitle = "Could not create a resource";
const updateTitle = "Could not update a resource";
const deleteTitle = "Could not delete a resource";

const meshKey = (name: string): ResourceKey => ({ type: "Mesh", mesh: "", name });

/** The draft of a document that is about to be written here: labels computed, tags of the zone added. */
export function draftOf(kind: Kind, document: WrittenDocument, existing: Resource | undefined, options: ApiOptions): ResourceDraft {
  const { mode, zone = "" } = options.settings;
  const mesh = kind.scope === "mesh" ? document.mesh : "";
  const { labels, name } = document;
  const written = kind.hasStatus ? withoutStatus(kind, document.spec) : document.spec;
  const spec = kind.type === "Dataplane" && mode === "zone" ? admitted(document.spec as DataplaneSpec, zone, existing) : written;
  return withComputedLabels({ type: kind.type, mesh, name, labels, spec }, mode === "global" ? { global: true } : { zone });
}

/** A status is the control plane's to say, and a document that brings one back changes nothing. */
function withoutStatus(kind: Kind, written: unknown): unknown {
  const { spec } = written as { spec?: unknown };
  const parsed = kind.parseSpec({ spec });
  return "spec" in parsed ? parsed.spec : { spec };
}

/** Why a resource can't have its name, beyond what holds for every name. A cluster's namespace at its end is no part of host names. */
export function nameViolations({ type, name, labels }: Pick<ResourceDraft, "type" | "name" | "labels">): Violation[] {
  const namespace = labels?.[label.kubernetesNamespace];
  const own = namespace !== undefined && name.endsWith(`.${namespace}`) ? name.slice(0, -(namespace.length + 1)) : name;
  const isLong = (type === "MeshService" || type === "MeshExternalService") && own.length > 63;
  return isLong ? [{ field: "name", reason: "must not be longer than 63 characters" }] : [];
}

function admitted(spec: DataplaneSpec, zone: string, existing: Resource | undefined): DataplaneSpec {
  const tagged = withZoneTag(spec, zone);
  return existing === undefined ? withUnprovenInbounds(tagged) : tagged;
}

/** Decides a PUT to the configuration against its present state. `proposed` is that with the other documents of the same change set. */
export function decidePut(
  kind: Kind,
  document: WrittenDocument,
  options: ApiOptions,
  material: MeshMaterial,
  proposed: ResourceReader = options.config,
): Proposal<Written> | Preparation {
  const { config, seal } = options;
  const existing = config.get(kind.type, kind.scope === "mesh" ? document.mesh : "", document.name);
  const draft = draftOf(kind, document, existing, options);
  const result = existing === undefined ? "created" : "updated";
  const title = existing === undefined ? createTitle : updateTitle;
  const reliedOn: ResourceKey[] = [];
  if (kind.scope === "mesh") {
    if (proposed.get("Mesh", "", draft.mesh) === undefined) throw notFound("Failed to retrieve Mesh");
    reliedOn.push(meshKey(draft.mesh));
  }
  if (kind.type === "Mesh") {
    const changes = decideMesh(draft as ResourceDraft<MeshSpec>, existing as Resource<MeshSpec> | undefined, options, material, proposed);
    return "prepare" in changes ? changes : { changes, reliedOn, result };
  }
  const changes: Change[] = [{ op: "put", resource: seal(draft) }];
  if (kind.type === "Secret" || kind.type === "GlobalSecret") {
    const companion = signingKeyChange(draft, title);
    if (companion !== undefined) changes.push(companion);
  }
  const unnamed = nameViolations(draft);
  if (unnamed.length > 0) throw invalid(title, unnamed);
  const violations =
    kind.type === "ExternalService"
      ? externalServiceViolations(draft, proposed)
      : kind.type === "RateLimit"
        ? rateLimitViolations(draft, proposed)
        : [];
  if (violations.length > 0) throw invalid(title, violations);
  return { changes, reliedOn, result };
}

/** Decides a DELETE of what the configuration holds. `hasDataplanes` looks into the zones' logs. */
export function decideDelete(key: ResourceKey, options: ApiOptions, hasDataplanes: (mesh: string) => boolean): Proposal<void> {
  const { config, settings } = options;
  const existing = config.get(key.type, key.mesh, key.name);
  if (existing === undefined) throw notFound(deleteTitle);
  const reliedOn: ResourceKey[] = [];
  if (!settings.unsafeDelete) {
    if (key.type === "Mesh" && hasDataplanes(key.name)) {
      throw invalid(deleteTitle, [{ field: "mesh", reason: "unable to delete mesh, there are still some dataplanes attached" }]);
    }
    if (key.type === "Zone" && isOnline(options.zoneInsight?.(key.name))) {
      throw invalid(deleteTitle, [
        { field: "zone", reason: "unable to delete Zone, Zone CP is still connected, please shut it down first" },
      ]);
    }
    if (key.type === "Secret") {
      const violations = inUseViolations(key, config.get<MeshSpec>("Mesh", "", key.mesh));
      if (violations.length > 0) throw invalid(deleteTitle, violations);
      reliedOn.push(meshKey(key.mesh));
    }
  }
  const changes: Change[] = [{ op: "delete", key: { type: key.type, mesh: key.mesh, name: key.name } }];
  // Who comes by that name later is another zone.
  const pin = { type: zonePinType, mesh: "", name: key.name };
  if (key.type === "Zone" && config.get(pin.type, pin.mesh, pin.name) !== undefined) changes.push({ op: "delete", key: pin });
  const companion = { type: "TokenVerificationKey", mesh: key.mesh, name: key.name };
  if ((key.type === "Secret" || key.type === "GlobalSecret") && config.get(companion.type, companion.mesh, companion.name) !== undefined) {
    changes.push({ op: "delete", key: companion });
  }
  return { changes, reliedOn, result: undefined };
}

/** Keys of one change set must differ: the later one would silently win. */
export function repeatedKey(keys: readonly ResourceKey[]): ResourceKey | undefined {
  const seen = new Set<string>();
  return keys.find((key) => {
    const text = keyString(key);
    if (seen.has(text)) return true;
    seen.add(text);
    return false;
  });
}
