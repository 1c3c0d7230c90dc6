import type { TargetRef } from "../../specs/plugin-policy.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateTargetRef } from "./target-ref.ts";

const kinds = ["MeshService", "MeshServiceSubset", "MeshExternalService", "MeshMultiZoneService"] as const;

/** Where a route sends to. `namesAsWell`: names that are taken though they are none. */
export function* validateBackendRefs(
  path: string,
  refs: readonly (TargetRef & { port?: number | undefined })[],
  namesAsWell: readonly string[] = [],
): Violations {
  for (const [index, ref] of refs.entries()) {
    yield* validateTargetRef(at(path, index), ref, { kinds, namesAsWell });
    if (ref.kind === "MeshMultiZoneService" && ref.port === undefined)
      yield violation(`${at(path, index)}.port`, "must be defined with kind MeshMultiZoneService");
  }
}
