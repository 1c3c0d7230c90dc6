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
  const { conf } = spec;
  if (conf === undefined) {
    yield violation("conf", "has to be defined");
    return;
  }
  const { http, tcp, grpc } = conf;
  if (!http && !tcp && !grpc) yield violation("conf", "missing protocol [grpc|http|tcp] configuration");
  if (http) yield* validateHttp("conf.http", http);
  if (grpc) yield* validateGrpc("conf.grpc", grpc);
  if (tcp && !tcp.maxConnectAttempts) yield violation("conf.tcp.maxConnectAttempts", "has to be greater than 0");
}

function* validateHttp(path: string, http: Http): Violations {
  if (!isWritten(http)) yield violation(path, empty);
  yield* validateCommon(path, http);
  for (const [index, method] of (http.retriableMethods ?? []).entries()) {
    if (method === "NONE") yield violation(at(`${path}.retriableMethods`, index), empty);
  }
  for (const [index, condition] of (http.retryOn ?? []).entries()) {
    if (condition !== "retriable_status_codes" || http.retriableStatusCodes) continue;
    yield violation(at(`${path}.retryOn`, index), "retriableStatusCodes cannot be empty when this option is specified");
  }
}

function* validateGrpc(path: string, grpc: Grpc): Violations {
  if (!isWritten(grpc)) yield violation(path, empty);
  const uses = Map.groupBy((grpc.retryOn ?? []).entries(), ([, condition]) => condition);
  for (const condition of [...uses.keys()].toSorted()) {
    const indexes = (uses.get(condition) ?? []).map(([index]) => index);
    if (indexes.length > 1) yield violation(`${path}.retryOn`, `repeated value "${condition}" at indexes [${indexes.join(", ")}]`);
  }
  yield* validateCommon(path, grpc);
}

function* validateCommon(path: string, conf: Http | Grpc): Violations {
  yield* validatePositiveIfDefined(`${path}.numRetries`, conf.numRetries);
  yield* validatePositiveIfDefined(`${path}.perTryTimeout`, conf.perTryTimeout);
  if (!conf.backOff) return;
  const { baseInterval, maxInterval } = conf.backOff;
  if (baseInterval === undefined) yield violation(`${path}.backOff.baseInterval`, "has to be defined");
  else if (durationMs(baseInterval) <= 0) yield violation(`${path}.backOff.baseInterval`, "has to be greater than 0");
  else {
    yield* validatePositiveIfDefined(`${path}.backOff.maxInterval`, maxInterval);
    if (maxInterval !== undefined && durationMs(maxInterval) > 0 && durationMs(maxInterval) < durationMs(baseInterval))
      yield violation(`${path}.backOff.maxInterval`, "has to be at least baseInterval");
  }
}
