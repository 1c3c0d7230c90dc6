import { status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";

export interface Refusal {
  /** Trying again with the same token and version changes nothing. */
  final: boolean;
  /** gRPC status name. */
  status: string;
  reason: string;
}

const finalStatuses: ReadonlySet<status> = new Set([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.FAILED_PRECONDITION,
  status.INVALID_ARGUMENT,
  status.UNIMPLEMENTED,
]);

/** Said by the other side, and no use to repeat. */
export class ZoneRefusedError extends Error {
  override readonly name = "ZoneRefusedError";
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(refusal.reason);
    this.refusal = refusal;
  }
}

export function toRefusal(error: unknown): Refusal {
  if (error instanceof ZoneRefusedError) return error.refusal;
  const { code, details, message } = error as ServiceError;
  return { final: finalStatuses.has(code), status: status[code] ?? "UNKNOWN", reason: details || message };
}
