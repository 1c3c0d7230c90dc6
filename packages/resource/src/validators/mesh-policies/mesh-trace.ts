import type { MeshTraceSpec } from "../../specs/mesh-policies/mesh-trace.ts";
import { at, violation, type Violations } from "../violation.ts";
import { validateTargetRef } from "./target-ref.ts";
import { decimal, isUrl } from "./values.ts";

type Conf = NonNullable<MeshTraceSpec["default"]>;
type Backend = NonNullable<Conf["backends"]>[number];

const tops = ["Mesh", "MeshSubset", "MeshGateway", "MeshService", "MeshServiceSubset", "Dataplane"] as const;

export function* validateMeshTrace({ targetRef, default: conf = {} }: MeshTraceSpec, role?: string): Violations {
  if (targetRef) yield* validateTargetRef("spec.targetRef", targetRef, { kinds: tops, role });
  const { backends, tags = [], sampling = {} } = conf;
  const path = "spec.default";
  if (backends === undefined) yield violation(`${path}.backends`, "must be defined");
  if (backends?.length === 1) yield* validateBackend(`${path}.backends[0]`, backends[0]!);
  for (const [index, { name, header, literal }] of tags.entries()) {
    const one = at(`${path}.tags`, index);
    if (name === "") yield violation(`${one}.name`, "must not be empty");
    if ((header === undefined) === (literal === undefined)) yield violation(one, "tag must have only one type defined: header, literal");
  }
  for (const name of ["client", "random", "overall"] as const) yield* validateSampling(`${path}.sampling.${name}`, sampling[name]);
}

function* validateSampling(path: string, share: number | string | undefined): Violations {
  if (share === undefined) return;
  const number = decimal(share);
  if (number === undefined) yield violation(path, "string is not a number");
  else if (number < 0 || number > 100) yield violation(path, "must be between 0 and 100");
}

function* validateBackend(path: string, { type, datadog, zipkin, openTelemetry }: Backend): Violations {
  if (type === "Datadog") {
    if (datadog === undefined) return yield violation(`${path}.datadog`, "must be defined");
    yield* validateDatadogUrl(`${path}.datadog.url`, datadog.url);
  } else if (type === "Zipkin") {
    if (zipkin === undefined) return yield violation(`${path}.zipkin`, "must be defined");
    if (zipkin.url === "") yield violation(`${path}.zipkin.url`, "must not be empty");
    else if (!isUrl(zipkin.url)) yield violation(`${path}.zipkin.url`, "must be a valid url");
  } else if (openTelemetry === undefined) yield violation(`${path}.openTelemetry`, "must be defined");
}

/** Scheme, host and port, and nothing else. */
function* validateDatadogUrl(path: string, text: string): Violations {
  const parts = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:([^/?#@]*)@)?(\[[^\]]*\]|[^/?#@:]*)(?::(\d*))?)?([^?#]*)(?:\?([^#]*))?$/i.exec(text);
  if (parts === null) {
    if (!text.startsWith("/")) return yield violation(path, "must be a valid url");
  }
  const [, scheme = "", user, , port = "", rest = text, query] = parts ?? [];
  if (scheme.toLowerCase() !== "http") yield violation(path, "scheme must be http");
  if (port === "") yield violation(path, "port must be defined");
  else if (Number(port) === 0 || Number(port) > 65_535) yield violation(path, "port must be a valid (1-65535)");
  const isOpaque = parts !== null && !text.slice(scheme.length + 1).startsWith("/");
  const beside = { opaque: isOpaque, user: user !== undefined, path: !isOpaque && rest !== "", query: Boolean(query) };
  for (const [name, isThere] of Object.entries(beside)) if (isThere) yield violation(path, `${name} must not be defined`);
}
