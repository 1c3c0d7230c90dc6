import { label } from "@atoll/resource";
import type { Resource } from "@atoll/resource";
import type { TargetRef } from "./target-ref.ts";

/** Names one resource wherever it is seen: under the name it has at home, with the zone and namespace it comes from. */
export interface ResourceId {
  type: string;
  /** "" for a Mesh itself. */
  mesh: string;
  /** "" where it is of no zone. */
  zone: string;
  /** "" outside of Kubernetes. */
  namespace: string;
  name: string;
  /** One of its ports, by name or, where that has none, by number; "" = all of it. */
  sectionName: string;
}

/** The name a resource has where it was written; a synchronised copy has another one. */
export const displayNameOf = ({ labels, name }: Pick<Resource, "labels" | "name">): string => labels?.[label.displayName] || name;

export const resourceIdOf = (resource: Resource, sectionName = ""): ResourceId => ({
  type: resource.type,
  mesh: resource.mesh,
  zone: resource.labels?.[label.zone] ?? "",
  namespace: resource.labels?.[label.kubernetesNamespace] ?? "",
  name: displayNameOf(resource),
  sectionName,
});

/** The same id without its port. */
export const wholeOf = (id: ResourceId): ResourceId => (id.sectionName === "" ? id : { ...id, sectionName: "" });

/** `meshservice:mesh/m:zone/z:namespace/ns:name/n:section/port`, parts that are empty left out. */
export function resourceIdText({ type, mesh, zone, namespace, name, sectionName }: ResourceId): string {
  const parts = [
    ["mesh", mesh],
    ["zone", zone],
    ["namespace", namespace],
    ["name", name],
    ["section", sectionName],
  ] as const;
  return [type.toLowerCase(), ...parts.flatMap(([key, value]) => (value ? [`${key}/${value}`] : []))].join(":");
}

/** What a reference by name means in a policy: something of the policy's own mesh, zone and, unless it says another, namespace. */
export function referencedId(policy: Resource, { kind, name = "", namespace }: TargetRef): ResourceId {
  if (kind === "Mesh") return { type: "Mesh", mesh: "", zone: "", namespace: "", name: policy.mesh, sectionName: "" };
  return {
    type: kind,
    mesh: policy.mesh,
    zone: policy.labels?.[label.zone] ?? "",
    namespace: namespace || (policy.labels?.[label.kubernetesNamespace] ?? ""),
    name,
    sectionName: "",
  };
}
