import { inUseViolations } from "@atoll/api";
import {
  clusterKinds,
  containerPatchKind,
  documentOf,
  gatewayKinds,
  type KubernetesObject,
  type ObjectKey,
  type ObjectKind,
  type Place,
  type Pod,
  requireResourceKind,
} from "@atoll/kubernetes";
import {
  type AdmissionLookup,
  type AdmissionPlace,
  type AdmissionRequest,
  type AdmissionVerdict,
  collectors,
  defaultObject,
  injectPod,
  type InjectionSettings,
  judgeGatewayInstance,
  judgeSecret,
  ownObject,
  validateObject,
} from "@atoll/kubernetes-admission";
import { type ClusterCache, isNotFound, type KubernetesApi } from "@atoll/kubernetes-client";
import { isOnline, type MeshSpec, type ZoneInsightSpec } from "@atoll/resource";
import type { LogPart } from "../log-part.ts";
import type { KubernetesSettings } from "../settings.ts";
import type { Webhook } from "./webhook-server.ts";

export interface WebhooksOptions {
  readonly settings: KubernetesSettings;
  readonly place: Place;
  readonly api: KubernetesApi;
  readonly cache: ClusterCache;
  readonly log: LogPart;
  readonly injection: InjectionSettings;
}

const meshKind = requireResourceKind("Mesh");
const dataplaneKind = requireResourceKind("Dataplane");
const allowed: AdmissionVerdict = { allowed: true };

/** Kinds that injection looks at, beside those that are watched anyway. */
export const injectionKinds: readonly ObjectKind[] = [clusterKinds.namespace, clusterKinds.configMap, containerPatchKind];

/** The webhooks by the paths that clients' configurations name. */
export function webhooksOf(options: WebhooksOptions): Record<string, Webhook> {
  const { settings, place, log } = options;
  const { allowedUsers, serviceAccountName, skipMeshOwnerReference } = settings.runtime.kubernetes;
  const admission: AdmissionPlace = {
    ...place,
    allowedUsers: [...allowedUsers, serviceAccountName, ...collectors],
    disableOriginLabelValidation: settings.multizone.zone.disableOriginLabelValidation,
  };
  const validate = async (request: AdmissionRequest): Promise<AdmissionVerdict> => {
    if (request.kind.kind === gatewayKinds.meshGatewayInstance.kind) return judgeInstance(request, place);
    const isZoneDelete = request.operation === "DELETE" && request.kind.kind === "Zone";
    const isConnected = isZoneDelete && place.mode === "global" ? await isZoneConnected(log, request.name ?? "") : false;
    return validateObject(request, admission, { ...lookupOf(options), isConnected: () => isConnected });
  };
  const own = async (request: AdmissionRequest): Promise<AdmissionVerdict> => {
    const { object } = request;
    const document = object && documentOf(object);
    const isInsight = object?.kind === "DataplaneInsight";
    // What was written a moment ago may not have come with the watch yet.
    const key = isInsight ? object.metadata : { name: document?.mesh ?? "" };
    const owner = document && key.name !== "" ? await current(options, isInsight ? dataplaneKind : meshKind, key) : undefined;
    return ownObject(request, admission, { owner: () => owner, skipMeshOwnerReference });
  };
  return {
    "/default-kuma-io-v1alpha1-mesh": (request) => defaultObject(request, admission),
    "/owner-reference-kuma-io-v1alpha1": own,
    "/validate-kuma-io-v1alpha1": validate,
    "/validate-v1-secret": (request) => judgeSecret(request, admission, { ...lookupOf(options), isConnected: () => false }),
    "/validate-v1-service": () => allowed,
    ...(place.mode !== "global" && { "/inject-sidecar": (request: AdmissionRequest) => inject(request, options) }),
  };
}

async function inject({ object, namespace = "" }: AdmissionRequest, options: WebhooksOptions): Promise<AdmissionVerdict> {
  if (!object) return allowed;
  const { cache, injection } = options;
  const { systemNamespace } = injection;
  // A pod that a controller makes says its namespace in the request alone.
  const pod = { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? namespace } } as Pod;
  const of = await current(options, clusterKinds.namespace, { name: namespace });
  const injected = injectPod(
    pod,
    {
      namespace: of,
      hasMesh: (name) => cache.object(meshKind, { name }) !== undefined,
      containerPatch: (name) => cache.object(containerPatchKind, { namespace: systemNamespace, name }),
      configMap: (where, name) => cache.object(clusterKinds.configMap, { namespace: where, name }),
    },
    injection,
  );
  return injected === undefined ? allowed : { allowed: true, object: injected.pod, warnings: injected.warnings };
}

function judgeInstance(request: AdmissionRequest, { mode }: Place): AdmissionVerdict {
  const { operation, object, name = "" } = request;
  const verdict = judgeGatewayInstance({ operation, mode: mode === "global" ? "global" : "zone", ...(object && { object }) });
  if (verdict.allowed) return allowed;
  if ("denied" in verdict) return { allowed: false, status: { code: 403, reason: "Forbidden", message: verdict.denied } };
  const causes = verdict.violations.map(({ field, reason }) => ({ reason: "FieldValueInvalid", field, message: reason }));
  const message = verdict.violations.map(({ field, reason }) => `${field}: ${reason}`).join("; ");
  const details = { name, kind: "MeshGatewayInstance", causes };
  return { allowed: false, status: { status: "Failure", code: 422, reason: "Invalid", message, details } };
}

function lookupOf({ settings, log, cache }: WebhooksOptions): Omit<AdmissionLookup, "isConnected"> {
  const { config, stored, zones } = log;
  return {
    hasMesh: (name) => cache.object(meshKind, { name }) !== undefined || config.get("Mesh", "", name) !== undefined,
    hasDataplanes: (mesh) => (stored.zone ?? zones)!.list("Dataplane", mesh).length > 0,
    secretUse: (mesh, name) => inUseViolations({ type: "Secret", mesh, name }, config.get<MeshSpec>("Mesh", "", mesh))[0]?.reason,
    unsafeDelete: settings.store.unsafeDelete,
  };
}

async function current({ cache, api }: WebhooksOptions, kind: ObjectKind, key: ObjectKey): Promise<KubernetesObject | undefined> {
  const known = cache.object(kind, key);
  if (known !== undefined) return known;
  try {
    return await api.get(kind, key);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** As global's REST API shows it, which knows the sessions. */
async function isZoneConnected({ writers }: LogPart, zone: string): Promise<boolean> {
  const insight = await writers.config!.get<ZoneInsightSpec>({ type: "ZoneInsight", mesh: "", name: zone });
  return insight !== undefined && isOnline(insight);
}
