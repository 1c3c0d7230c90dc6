import { type Resource, kindOf, renderDocument, sortedLabels } from "@atoll/resource";
import type { Call } from "./call.ts";
import { invalid } from "./problem.ts";

/** The two written forms of a resource. */
export type Form = "universal" | "kubernetes";

/** The form that `format` of a query asks for. */
export function readForm(call: Call): Form {
  const format = call.query.get("format") ?? "";
  if (["", "universal"].includes(format)) return "universal";
  if (["k8s", "kubernetes"].includes(format)) return "kubernetes";
  throw invalid("invalid format", [{ field: "", reason: `"format" must be one of ["k8s", "kubernetes", "universal"]` }]);
}

/** A resource as the API shows it; meta first, keys in the order clients know (controlplane.md 1.2). */
export const renderResource = (resource: Resource, form: Form = "universal"): object => renderDocument(withSortedLabels(resource), form);

/** Meta of something that is computed rather than stored, or shown under another type, followed by its own fields. */
export function renderWithMeta(type: string, resource: Omit<Resource, "type" | "spec">, fields: object): object {
  const { mesh, name, creationTime, modificationTime, labels } = resource;
  return {
    type,
    ...(mesh !== "" && { mesh }),
    name,
    creationTime,
    modificationTime,
    ...(labels !== undefined && Object.keys(labels).length > 0 && { labels: sortedLabels(labels) }),
    ...fields,
  };
}

/** `{labels, mesh, name, type}`: how inspection names a resource. */
export const renderMeta = ({ type, mesh, name, labels }: Resource): object => ({
  labels: sortedLabels(labels ?? {}),
  mesh: kindOf(type)?.scope === "mesh" ? mesh : "",
  name,
  type,
});

const withSortedLabels = (resource: Resource): Resource =>
  resource.labels === undefined ? resource : { ...resource, labels: sortedLabels(resource.labels) };
