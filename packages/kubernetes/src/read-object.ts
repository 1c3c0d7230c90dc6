import { type Kind, label, type ParsedDocument, parseDocument, sortedLabels } from "@atoll/resource";
import type { KubernetesObject } from "./kubernetes-object.ts";
import { resourceName } from "./object-name.ts";
import { hasMeshField, isSecretType, resourceOfObject } from "./resource-kinds.ts";

/** What an object says of a resource, in the universal form that REST reads; the spec as it was written, unchecked. */
export interface ObjectDocument {
  readonly kind: Kind;
  readonly type: string;
  readonly mesh: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The whole document: type, mesh, name, labels and spec. */
  readonly body: Readonly<Record<string, unknown>>;
}

const defaultMesh = "default";

/** Undefined: the object carries no resource. */
export function documentOf(object: KubernetesObject): ObjectDocument | undefined {
  const kind = resourceOfObject(object);
  if (kind === undefined) return undefined;
  const mesh = meshOf(kind, object);
  const name = resourceName(kind, object.metadata);
  const labels = labelsOf(object, mesh);
  return {
    kind,
    type: kind.type,
    mesh,
    name,
    labels,
    body: { type: kind.type, ...(kind.scope === "mesh" && { mesh }), name, labels, ...specOf(kind, object) },
  };
}

/** The resource that an object says, its spec checked. Undefined: it carries none. */
export function readObject(object: KubernetesObject): (ParsedDocument & { kind: Kind }) | undefined {
  const document = documentOf(object);
  return document && { kind: document.kind, ...parseDocument(document.body, { kind: document.kind }) };
}

/** A label for the newer kinds and Secrets, and `default` without it; a field for the others, which has to be there. */
function meshOf(kind: Kind, { mesh, metadata }: KubernetesObject): string {
  if (kind.scope === "global") return "";
  if (hasMeshField(kind)) return typeof mesh === "string" ? mesh : "";
  return metadata.labels?.[label.mesh] ?? defaultMesh;
}

/** A display name may be longer than a label's value, so the object has it as an annotation; without one it is the object's name. */
function labelsOf({ metadata: { name, labels, annotations } }: KubernetesObject, mesh: string): Record<string, string> {
  const displayName = annotations?.[label.displayName] ?? name;
  return sortedLabels({ ...labels, ...(mesh !== "" && { [label.mesh]: mesh }), [label.displayName]: displayName });
}

function specOf(kind: Kind, object: KubernetesObject): object {
  if (isSecretType(kind.type)) return { data: secretValue(object) };
  if (kind.hasStatus) return { spec: object.spec, ...(object.status !== undefined && { status: object.status }) };
  if (kind.plugin) return { spec: object.spec };
  return (kind.type === "DataplaneInsight" ? object.status : object.spec) as object;
}

function secretValue({ data, stringData }: KubernetesObject): string | undefined {
  const plain = (stringData as { value?: string } | undefined)?.value;
  return plain === undefined ? (data as { value?: string } | undefined)?.value : Buffer.from(plain).toString("base64");
}
