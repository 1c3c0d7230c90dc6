import type { TimeoutSpec } from "../specs/timeout.ts";
import { validateConnection } from "./tags.ts";
import { validatePositiveIfDefined } from "./values.ts";
import { violation, type Violations } from "./violation.ts";

/** Of each section, the timeouts of which one must be given, and which are judged; others of it may be 0. */
const judged = {
  tcp: ["idleTimeout"],
  http: ["requestTimeout", "idleTimeout"],
  grpc: ["streamIdleTimeout", "maxStreamDuration"],
} as const;

export function* validateTimeout(spec: TimeoutSpec): Violations {
  yield* validateConnection(spec);
  const { conf } = spec;
  if (conf === undefined) {
    yield violation("conf", "has to be defined");
    return;
  }
  for (const section of ["tcp", "http", "grpc"] as const) {
    const timeouts: Record<string, string | undefined> | undefined = conf[section];
    if (!timeouts) continue;
    if (judged[section].every((name) => timeouts[name] === undefined)) {
      yield violation(`conf.${section}`, "at least one timeout in section has to be defined");
      continue;
    }
    for (const name of judged[section]) yield* validatePositiveIfDefined(`conf.${section}.${name}`, timeouts[name]);
  }
}
