import type { RouteBackend, Tags } from "@atoll/policy";
import { serviceTag } from "../names.ts";

/** What a backend is by tags; undefined if it is a resource. */
export function backendTags({ kind, name, tags, port }: RouteBackend): Tags | undefined {
  if (kind === "MeshServiceSubset") return { [serviceTag]: name ?? "", ...tags };
  return kind === "MeshService" && port === undefined ? { [serviceTag]: name ?? "" } : undefined;
}
