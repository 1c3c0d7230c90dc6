import { durationMs } from "../duration.ts";
import type { RetrySpec } from "../specs/retry.ts";
import { validateConnection } from "./tags.ts";
import { isWritten, validatePositiveIfDefined } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

type Http = NonNullable<RetrySpec["conf"]["http"]>;
type Grpc = NonNullable<RetrySpec["conf"]["grpc"]>;

const empty = "field cannot be empty";

export function* validateRetry(spec: RetrySpec): Violations {
  yield* validateConnection(spec);
  const { http, tcp, grpc }: Partial<RetrySpec["conf"]> = spec.conf ?? {};
  if (!http && !tcp && !grpc) yield violation("conf", "missing protocol [grpc|http|tcp] configuration");
  if (http) yield* validateHttp("conf.http", http);
  if (tcp && !isWritten(tcp)) yield violation("conf.tcp", empty);
  if (grpc) yield* validateGrpc("conf.grpc", grpc);
}

function* validateHttp(path: string, http: Http): Violations {
  yield* validateCommon(path, http);
  const statusCodes = (http.retryOn ?? []).indexOf("retriable_status_codes");
  if (statusCodes >= 0 && !http.retriableStatusCodes) {
    yield violation(at(`${path}.retryOn`, statusCodes), "retriableStatusCodes cannot be empty when this option is specified");
  }
}

function* validateGrpc(path: string, grpc: Grpc): Violations {
  yield* validateCommon(path, grpc);
  for (const [value, uses] of Map.groupBy((grpc.retryOn ?? []).entries(), ([, condition]) => condition)) {
    const indexes = uses.map(([index]) => index).join(", ");
    if (uses.length > 1) yield violation(`${path}.retryOn`, `repeated value "${value}" at indexes [${indexes}]`);
  }
}

function* validateCommon(path: string, conf: Http | Grpc): Violations {
  if (!isWritten(conf)) yield violation(path, empty);
  yield* validatePositiveIfDefined(`${path}.numRetries`, conf.numRetries);
  yield* validatePositiveIfDefined(`${path}.perTryTimeout`, conf.perTryTimeout);
  if (!conf.backOff) return;
  const { baseInterval, maxInterval } = conf.backOff;
  if (baseInterval === undefined) yield violation(`${path}.backOff.baseInterval`, "has to be defined");
  else if (durationMs(baseInterval) <= 0) yield violation(`${path}.backOff.baseInterval`, "has to be greater than 0");
  yield* validatePositiveIfDefined(`${path}.backOff.maxInterval`, maxInterval);
}
