import type { TrafficLogSpec } from "../specs/traffic-log.ts";
import type { TrafficPermissionSpec } from "../specs/traffic-permission.ts";
import type { TrafficTraceSpec } from "../specs/traffic-trace.ts";
import { anyTags, validateConnection, validateSelectors } from "./tags.ts";
import type { Violations } from "./violation.ts";

// A backend that the mesh does not have is no error: there is no log or trace then.

export const validateTrafficLog = (spec: TrafficLogSpec): Violations => validateConnection(spec);

export const validateTrafficPermission = (spec: TrafficPermissionSpec): Violations => validateConnection(spec, anyTags, anyTags);

export const validateTrafficTrace = (spec: TrafficTraceSpec): Violations => validateSelectors("selectors", spec.selectors, anyTags);
