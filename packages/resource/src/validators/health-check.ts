import type { HealthCheckSpec } from "../specs/health-check.ts";
import { validateChangedHeader, validateHeaderText, validateHeaderValue } from "./envoy-values.ts";
import { validateConnection } from "./tags.ts";
import { validateDuration, validateThreshold } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

type Conf = HealthCheckSpec["conf"];

export function* validateHealthCheck(spec: HealthCheckSpec): Violations {
  yield* validateConnection(spec);
  const { conf } = spec;
  if (conf === undefined) {
    yield violation("conf", "has to be defined");
    return;
  }
  yield* validateDuration("conf.interval", conf.interval);
  yield* validateDuration("conf.timeout", conf.timeout);
  yield* validateThreshold("conf.unhealthyThreshold", conf.unhealthyThreshold);
  yield* validateThreshold("conf.healthyThreshold", conf.healthyThreshold);
  for (const name of ["initialJitter", "intervalJitter", "noTrafficInterval"] as const) {
    if (conf[name] !== undefined) yield* validateDuration(`conf.${name}`, conf[name]);
  }
  const panic = conf.healthyPanicThreshold ?? 0;
  if (panic < 0 || panic > 100) yield violation("conf.healthyPanicThreshold", "must be in range [0.0 - 100.0]");
  if (conf.http) yield* validateHttp("conf.http", conf.http);
  for (const [index, receive] of (conf.tcp?.receive ?? []).entries())
    if (receive === "") yield violation(at("conf.tcp.receive", index), "cannot be empty");
  if (conf.http && conf.tcp) yield violation("conf", "http and tcp cannot be defined at the same time");
}

function* validateHttp(path: string, http: NonNullable<Conf["http"]>): Violations {
  if (!http.path) yield violation(`${path}.path`, "has to be defined and cannot be empty");
  yield* validateHeaderText(`${path}.path`, http.path);
  for (const [index, status] of (http.expectedStatuses ?? []).entries()) {
    if (status < 100 || status >= 600) yield violation(at(`${path}.expectedStatuses`, index), "must be in range [100, 600)");
  }
  for (const [index, { header }] of (http.requestHeadersToAdd ?? []).entries()) {
    const field = `${at(`${path}.requestHeadersToAdd`, index)}.header`;
    if (header === undefined) yield violation(field, "has to be defined");
    else if (!header.key) yield violation(`${field}.key`, "cannot be empty");
    yield* validateChangedHeader(`${field}.key`, header?.key);
    yield* validateHeaderValue(`${field}.value`, header?.value);
  }
}
