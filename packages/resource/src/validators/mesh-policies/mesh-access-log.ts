import type { MeshAccessLogSpec } from "../../specs/mesh-policies.ts";
import { at, violation, type Violations } from "../violation.ts";
import { actsOnInbounds, validateItems, validateRules, validateSections } from "./from-to-rules.ts";
import { validateTargetRef } from "./target-ref.ts";
import { isFilePath, isUrl } from "./values.ts";

type Conf = NonNullable<NonNullable<MeshAccessLogSpec["rules"]>[number]["default"]>;
type Backend = NonNullable<Conf["backends"]>[number];
type Format = NonNullable<NonNullable<Backend["file"]>["format"]>;

const tops = ["Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset", "Dataplane"] as const;

export function* validateMeshAccessLog(spec: MeshAccessLogSpec): Violations {
  const { targetRef, from, to, rules } = spec;
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, gatewayTags: true, inbound: actsOnInbounds(spec) });
  yield* validateSections(spec, "both first");
  const targets =
    targetRef?.kind === "MeshGateway"
      ? (["Mesh"] as const)
      : (["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService"] as const);
  yield* validateItems("spec.to", to, targets, validateConf);
  yield* validateItems("spec.from", from, ["Mesh"], validateConf);
  // Kuma looks at rules only beside `from`, with which they are refused anyway.
  if (from !== undefined) yield* validateRules("spec.rules", rules, validateConf);
}

function* validateConf(path: string, { backends }: Conf = {}): Violations {
  if (backends === undefined) return yield violation(`${path}.backends`, "must be defined");
  for (const [index, backend] of backends.entries()) yield* validateBackend(at(`${path}.backends`, index), backend);
}

function* validateBackend(path: string, { type, file, tcp, openTelemetry }: Backend): Violations {
  if (type === "File") {
    if (file === undefined) return yield violation(`${path}.file`, "must be defined");
    yield* validateFormat(`${path}.file.format`, file.format);
    if (!isFilePath(file.path)) yield violation(`${path}.file.path`, "file backend requires a valid path");
  } else if (type === "Tcp") {
    if (tcp === undefined) return yield violation(`${path}.tcp`, "must be defined");
    yield* validateFormat(`${path}.tcp.format`, tcp.format);
    if (!isUrl(tcp.address)) yield violation(`${path}.tcp.address`, "tcp backend requires valid address");
  } else if (openTelemetry === undefined) yield violation(`${path}.openTelemetry`, "must be defined");
}

function* validateFormat(path: string, format: Format | undefined): Violations {
  if (format?.type === "Plain") {
    if (format.plain === undefined) yield violation(`${path}.plain`, "must be defined");
    else if (format.plain === "") yield violation(`${path}.plain`, "must not be empty");
  }
  if (format?.type !== "Json") return;
  if (format.json === undefined) return yield violation(`${path}.json`, "must be defined");
  if (format.json.length === 0) yield violation(`${path}.json`, "must not be empty");
  for (const [index, { key = "", value = "" }] of format.json.entries()) {
    const one = at(`${path}.json`, index);
    if (key === "") yield violation(`${one}.key`, "key cannot be empty");
    if (value === "") yield violation(`${one}.value`, "value cannot be empty");
    if (!isJson(`{"${key}": "${value}"}`)) yield violation(one, "is not a valid JSON object");
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
