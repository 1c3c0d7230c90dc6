import { STATUS_CODES } from "node:http";
import type { MeshRetrySpec } from "../../specs/mesh-policies.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateItems } from "./from-to-rules.ts";
import { validateTargetRef } from "./target-ref.ts";
import { positiveCount, positiveDuration, readCount } from "./values.ts";

type Conf = NonNullable<NonNullable<MeshRetrySpec["to"]>[number]["default"]>;
type Http = NonNullable<Conf["http"]>;
type Grpc = NonNullable<Conf["grpc"]>;

const tops = ["Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset", "MeshHTTPRoute", "Dataplane"] as const;
const methods = ["Connect", "Delete", "Get", "Head", "Options", "Patch", "Post", "Put", "Trace"].map((name) => `HttpMethod${name}`);
const httpConditions = new Set([
  ...["5xx", "GatewayError", "Reset", "Retriable4xx", "ConnectFailure", "EnvoyRatelimited", "RefusedStream", "Http3PostConnectFailure"],
  ...methods,
]);

export function* validateMeshRetry({ targetRef, to = [] }: MeshRetrySpec, role?: string): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role, gatewayTags: true });
  if (to.length === 0) yield violation("spec.to", "needs at least one item");
  const top = targetRef?.kind ?? "Mesh";
  const fewer = top === "MeshGateway" || top === "MeshHTTPRoute";
  const targets = fewer
    ? (["Mesh", "MeshExternalService"] as const)
    : (["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService"] as const);
  // Kuma's paths have a `conf` that documents do not have.
  yield* validateItems("spec.to", to, targets, (path, conf) => validateConf(`${path}.conf`, conf ?? {}));
}

function* validateConf(path: string, { tcp, http, grpc }: Conf): Violations {
  if (tcp === undefined && http === undefined && grpc === undefined)
    yield violation(path, "at least one of the 'tcp', 'http', 'grpc' must be specified");
  if (tcp !== undefined) {
    if (tcp.maxConnectAttempt === undefined) yield violation(`${path}.tcp`, "must not be empty");
    yield* positiveCount(`${path}.tcp.maxConnectAttempt`, tcp.maxConnectAttempt);
  }
  if (http !== undefined) yield* validateHttp(`${path}.http`, http);
  if (grpc !== undefined) yield* validateGrpc(`${path}.grpc`, grpc);
}

function* validateHttp(path: string, http: Http): Violations {
  const { numRetries, perTryTimeout, backOff, retryOn, retriableRequestHeaders, retriableResponseHeaders, rateLimitedBackOff } = http;
  const { hostSelection } = http;
  const some = [numRetries, perTryTimeout, backOff, retryOn, retriableRequestHeaders, retriableResponseHeaders, rateLimitedBackOff];
  if ([...some, hostSelection].every((value) => value === undefined)) yield violation(path, "must not be empty");
  yield* validateCommon(path, http);
  for (const [index, condition] of (retryOn ?? []).entries()) {
    if (!httpConditions.has(condition) && !(condition in STATUS_CODES))
      yield violation(at(`${path}.retryOn`, index), `unknown item '${condition}'`);
  }
  let isPrioritySet = false;
  for (const [index, { predicate, tags, updateFrequency = 2 }] of (hostSelection ?? []).entries()) {
    const one = at(`${path}.hostSelection`, index);
    if (predicate === "OmitHostsWithTags" && tags === undefined) yield violation(`${one}.tags`, "must be defined");
    if (predicate !== "OmitPreviousPriorities") continue;
    if (isPrioritySet) yield violation(`${one}.predicate`, `${predicate} must only be specified once`);
    if (updateFrequency <= 0) yield violation(`${one}.updateFrequency`, "must be defined and greater than zero");
    isPrioritySet = true;
  }
}

function* validateGrpc(path: string, grpc: Grpc): Violations {
  const { numRetries, perTryTimeout, backOff, retryOn, rateLimitedBackOff } = grpc;
  if ([numRetries, perTryTimeout, backOff, retryOn, rateLimitedBackOff].every((value) => value === undefined))
    yield violation(path, "must not be empty");
  yield* validateCommon(path, grpc);
}

function* validateCommon(path: string, { numRetries, perTryTimeout, backOff, rateLimitedBackOff }: Http | Grpc): Violations {
  // Read, so that what is no duration or no count is refused; any of either will do.
  if (numRetries !== undefined) readCount(`${path}.numRetries`, numRetries);
  for (const text of [perTryTimeout, backOff?.baseInterval, backOff?.maxInterval]) Array.from(positiveDuration(path, text));
  if (backOff !== undefined && backOff.baseInterval === undefined && backOff.maxInterval === undefined)
    yield violation(`${path}.backOff`, "must not be empty");
  if (rateLimitedBackOff === undefined) return;
  yield* positiveDuration(
    `${path}.rateLimitedBackOff.maxInterval`,
    rateLimitedBackOff.maxInterval,
    "must be defined and greater than zero",
  );
  if (rateLimitedBackOff.resetHeaders === undefined) yield violation(`${path}.rateLimitedBackOff.resetHeaders`, "must be defined");
}
