import type { ExternalServiceSpec } from "../specs/external-service.ts";
import type { Violations } from "./violation.ts";

export function* validateExternalService(_spec: ExternalServiceSpec): Violations {}
