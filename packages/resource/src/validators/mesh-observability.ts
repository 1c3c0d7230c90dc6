import { type Codec, type JsonObject } from "../schema/codec.ts";
import { ParseError } from "../schema/parse-error.ts";
import {
  datadogConf,
  fileLoggingConf,
  type LoggingBackend,
  type MeshSpec,
  type MetricsBackend,
  prometheusConf,
  tcpLoggingConf,
  type TracingBackend,
  zipkinConf,
} from "../specs/mesh.ts";
import { splitHostPort, validatePort } from "./values.ts";
import { at, violation, type Violations } from "./violation.ts";

const empty = "cannot be empty";

export function* validateLogging(logging: NonNullable<MeshSpec["logging"]>): Violations {
  const { backends = [], defaultBackend } = logging;
  yield* validateBackends("logging.backends", backends, validateLoggingBackend);
  if (defaultBackend && !named(backends, defaultBackend)) {
    yield violation("logging.defaultBackend", "has to be set to one of the logging backend in mesh");
  }
}

/** Errors of a backend's `conf` are reported under `config`: what existing clients get to see. */
function* validateLoggingBackend(path: string, backend: LoggingBackend): Violations {
  const config = `${path}.config`;
  if (backend.type === "file") {
    yield* readConf(config, fileLoggingConf, backend.conf, function* (conf) {
      if (!conf.path) yield violation(`${config}.path`, empty);
    });
  } else if (backend.type === "tcp") {
    yield* readConf(config, tcpLoggingConf, backend.conf, function* (conf) {
      const parts = splitHostPort(conf.address ?? "");
      if (!conf.address) yield violation(`${config}.address`, empty);
      else if (!parts?.host || !/^[0-9]+$/.test(parts.port)) yield violation(`${config}.address`, "has to be in format of HOST:PORT");
    });
  } else {
    yield violation(`${path}.type`, 'unknown backend type. Available backends: "tcp", "file"');
  }
}

export function* validateTracing(tracing: NonNullable<MeshSpec["tracing"]>): Violations {
  const { backends = [], defaultBackend } = tracing;
  yield* validateBackends("tracing.backends", backends, validateTracingBackend);
  if (defaultBackend && !named(backends, defaultBackend)) {
    yield violation("tracing.defaultBackend", "has to be set to one of the tracing backend in mesh");
  }
}

const zipkinVersions = ["httpJson", "httpJsonV1", "httpProto"];

function* validateTracingBackend(path: string, backend: TracingBackend): Violations {
  const config = `${path}.config`;
  const { sampling = 100 } = backend;
  if (sampling < 0 || sampling > 100) yield violation(`${path}.sampling`, "has to be in [0.0 - 100.0] range");
  if (backend.type === "zipkin") {
    yield* readConf(config, zipkinConf, backend.conf, function* (conf) {
      yield* validateCollectorUrl(`${config}.url`, conf.url ?? "");
      if (conf.apiVersion && !zipkinVersions.includes(conf.apiVersion)) {
        yield violation(`${config}.apiVersion`, `has invalid value. Allowed values: ${zipkinVersions.join(", ")}`);
      }
    });
  } else if (backend.type === "datadog") {
    yield* readConf(config, datadogConf, backend.conf, function* (conf) {
      if (!conf.address) yield violation(`${config}.address`, empty);
      yield* validatePort(`${config}.port`, conf.port);
    });
  } else {
    yield violation(`${path}.type`, 'unknown backend type. Available backends: "datadog", "zipkin"');
  }
}

function* validateCollectorUrl(path: string, url: string): Violations {
  if (url === "") yield violation(path, empty);
  else if (!URL.canParse(url)) yield violation(path, "invalid URL");
  // URL drops a port that is the scheme's default, so the text is looked at.
  else if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*:[0-9]+([/?#]|$)/i.test(url)) yield violation(path, "port has to be explicitly specified");
}

export function* validateMetrics(metrics: NonNullable<MeshSpec["metrics"]>): Violations {
  const { backends = [], enabledBackend } = metrics;
  yield* validateBackends("metrics.backends", backends, validateMetricsBackend);
  if (enabledBackend && !named(backends, enabledBackend)) {
    yield violation("metrics.enabledBackend", "has to be set to one of the backends in the mesh");
  }
}

export function* validateMetricsBackend(path: string, backend: MetricsBackend): Violations {
  if (backend.type !== "prometheus") {
    yield violation(`${path}.type`, 'unknown backend type. Available backends: "prometheus"');
    return;
  }
  const config = `${path}.conf`;
  yield* readConf(config, prometheusConf, backend.conf, function* (conf) {
    if (conf.port !== undefined) yield* validatePort(`${config}.port`, conf.port);
    if (conf.skipMTLS !== undefined && conf.tls && conf.skipMTLS !== (conf.tls.mode === "disabled")) {
      yield violation(config, "skipMTLS and tls configuration cannot be defined together");
    }
    if (!isRegex(conf.envoy?.filterRegex ?? "")) yield violation(`${config}.envoy.filterRegex`, "has to be a valid regex");
    const names = new Set<string>();
    for (const [index, source] of (conf.aggregate ?? []).entries()) {
      const field = at(`${config}.aggregate`, index);
      const name = source.name ?? "";
      if (name === "") yield violation(`${field}.name`, empty);
      else if (names.has(name)) yield violation(`${field}.name`, `duplicate entry: ${name}, values have to be unique`);
      names.add(name);
      if (source.enabled !== false) yield* validatePort(`${field}.port`, source.port);
    }
  });
}

function* validateBackends<B extends { name?: string }>(
  path: string,
  backends: B[],
  validate: (path: string, backend: B) => Violations,
): Violations {
  const names = new Set<string>();
  for (const [index, backend] of backends.entries()) {
    const name = backend.name ?? "";
    if (name === "") yield violation(`${at(path, index)}.name`, empty);
    else if (names.has(name)) yield violation(`${at(path, index)}.name`, `"${name}" name is already used for another backend`);
    names.add(name);
    yield* validate(at(path, index), backend);
  }
}

const named = (backends: { name?: string }[], name: string): boolean => backends.some((backend) => backend.name === name);

function* readConf<T>(path: string, codec: Codec<T>, conf: JsonObject | undefined, check: (conf: T) => Violations): Violations {
  try {
    yield* check(codec.read(conf ?? {}));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    yield violation(path, error.message);
  }
}

function isRegex(pattern: string): boolean {
  try {
    new RegExp(pattern);
    return true;
  } catch {
    return false;
  }
}
