import type { MeshMetricSpec } from "../../specs/mesh-policies/mesh-metric.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateTargetRef } from "./target-ref.ts";
import { isRegex, isUrl, port } from "./values.ts";

type Conf = NonNullable<MeshMetricSpec["default"]>;
type Profiles = NonNullable<NonNullable<Conf["sidecar"]>["profiles"]>;

const tops = ["Mesh", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway", "Dataplane"] as const;

export function* validateMeshMetric({ targetRef, default: conf = {} }: MeshMetricSpec, role?: string): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role, gatewayTags: true });
  const path = "spec.default";
  const { exclude, include } = conf.sidecar?.profiles ?? {};
  yield* validateSelectors(`${path}.sidecar.profiles.exclude`, exclude);
  yield* validateSelectors(`${path}.sidecar.profiles.include`, include);
  // Kuma says each place twice.
  for (const [index, application] of (conf.applications ?? []).entries())
    yield* port(at(`${path}.applications.application`, index), application.port);
  for (const [index, backend] of (conf.backends ?? []).entries()) yield* validateBackend(at(`${path}.backends.backend`, index), backend);
}

function* validateSelectors(path: string, selectors: Profiles["exclude"] = []): Violations {
  for (const [index, { type, match }] of selectors.entries())
    if (type === "Regex" && !isRegex(match)) yield violation(`${at(path, index)}.match`, "invalid regex");
}

function* validateBackend(path: string, backend: NonNullable<Conf["backends"]>[number]): Violations {
  if (backend.type === "Prometheus") {
    if (backend.prometheus === undefined) return yield violation(`${path}.prometheus`, "must be defined");
    yield* port(`${path}.port`, backend.prometheus.port);
    return;
  }
  if (backend.openTelemetry === undefined) return yield violation(`${path}.openTelemetry`, "must be defined");
  const { endpoint } = backend.openTelemetry;
  if (!isUrl(endpoint)) yield violation(`${path}.openTelemetry.endpoint`, "must be a valid url");
  if (/^https?:\/\//.test(endpoint)) yield violation(`${path}.openTelemetry.endpoint`, "must not use schema");
}
