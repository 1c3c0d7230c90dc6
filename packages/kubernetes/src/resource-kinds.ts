import { type Kind, kindOf, kinds } from "@atoll/resource";
import type { ObjectKind } from "./kubernetes-object.ts";

/** API group and version of every custom resource. */
export const group = "kuma.io";
export const version = "v1alpha1";

/** A kind of resource as the API server has it. */
export interface ResourceKind extends ObjectKind {
  readonly resource: Kind;
  readonly shortNames: readonly string[];
  readonly columns: readonly PrinterColumn[];
}

/** What `kubectl get` shows beside name and age. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string";
  readonly jsonPath: string;
  readonly description?: string;
  /** Above 0: with `-o wide` only. */
  readonly priority?: number;
}

const shortNames: Readonly<Record<string, string>> = {
  Dataplane: "dp",
  HostnameGenerator: "hg",
  Mesh: "m",
  MeshAccessLog: "mal",
  MeshCircuitBreaker: "mcb",
  MeshExternalService: "extsvc",
  MeshFaultInjection: "mfi",
  MeshGateway: "mgw",
  MeshHTTPRoute: "mhttpr",
  MeshHealthCheck: "mhc",
  MeshLoadBalancingStrategy: "mlbs",
  MeshMetric: "mm",
  MeshMultiZoneService: "mzsvc",
  MeshPassthrough: "mp",
  MeshProxyPatch: "mpp",
  MeshRateLimit: "mrl",
  MeshRetry: "mr",
  MeshService: "msvc",
  MeshTCPRoute: "mtcpr",
  MeshTLS: "mtls",
  MeshTimeout: "mt",
  MeshTrace: "mtr",
  MeshTrafficPermission: "mtp",
  ZoneEgress: "ze",
  ZoneIngress: "zi",
};

/** Every kind that is a custom resource, by its type. Secrets are Kubernetes' own: see `secretKind`. */
export const resourceKinds: readonly ResourceKind[] = kinds.flatMap((resource) =>
  resource.internal || isSecretType(resource.type) ? [] : [resourceKind(resource)],
);

const byType = new Map(resourceKinds.map((kind) => [kind.kind, kind]));

/** The custom resource of a resource's type. */
export const resourceKindOf = (type: string): ResourceKind | undefined => byType.get(type);

/** `resourceKindOf` for a type that is known to be there. @throws Error for any other */
export function requireResourceKind(type: string): ResourceKind {
  const kind = byType.get(type);
  if (kind === undefined) throw new Error(`${type} is no kind of custom resource`);
  return kind;
}

/** Types of resources that are Kubernetes' own Secrets. */
export function isSecretType(type: string): boolean {
  return type === "Secret" || type === "GlobalSecret";
}

/** Does the kind say its mesh in a field beside `metadata` and `spec`? The others have a label for it. */
export const hasMeshField = (kind: Kind): boolean => kind.scope === "mesh" && !kind.plugin && !isSecretType(kind.type);

function resourceKind(resource: Kind): ResourceKind {
  const short = shortNames[resource.type];
  return {
    group,
    version,
    kind: resource.type,
    plural: pluralOf(resource.type.toLowerCase()),
    namespaced: resource.namespaced,
    resource,
    shortNames: short === undefined ? [] : [short],
    columns: columnsOf(resource),
  };
}

function pluralOf(word: string): string {
  if (/[^aeiou]y$/.test(word)) return word.replace(/y$/, "ies");
  return /(s|sh|ch|x)$/.test(word) ? `${word}es` : `${word}s`;
}

function columnsOf({ type, plugin, policy, hasStatus }: Kind): PrinterColumn[] {
  if (type === "Dataplane") {
    return ["first", "second", "third", "fourth"].map((which, index) => ({
      name: "kuma.io/service",
      type: "string",
      jsonPath: `.spec.networking.inbound[${index}].tags['kuma\\.io/service']`,
      description: `Service tag of the ${which} inbound`,
      ...(index > 1 && { priority: 1 }),
    }));
  }
  if (type === "ZoneIngress" || type === "ZoneEgress")
    return [{ name: "zone", type: "string", jsonPath: ".spec.zone", description: "Zone name" }];
  if (hasStatus) return [{ name: "Hostname", type: "string", jsonPath: ".status.addresses[0].hostname" }];
  if (!plugin || !policy) return [];
  return [
    { name: "TargetRef Kind", type: "string", jsonPath: ".spec.targetRef.kind" },
    { name: "TargetRef Name", type: "string", jsonPath: ".spec.targetRef.name" },
  ];
}

/** The kind of resource that an object carries; undefined: none. */
export function resourceOfObject(object: { apiVersion: string; kind: string; type?: unknown }): Kind | undefined {
  if (object.apiVersion === "v1" && object.kind === "Secret") {
    if (object.type === secretTypes.Secret) return kindOf("Secret");
    return object.type === secretTypes.GlobalSecret ? kindOf("GlobalSecret") : undefined;
  }
  return object.apiVersion.startsWith(`${group}/`) ? byType.get(object.kind)?.resource : undefined;
}

/** `type` of Kubernetes' Secrets that carry resources, by the resource's type. */
export const secretTypes = { Secret: "system.kuma.io/secret", GlobalSecret: "system.kuma.io/global-secret" } as const;
