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
  if (!backend.name) yield violation(`${path}.name`, empty);
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

const zipkinVersions = ["httpJsonV1", "httpJson", "httpProto"];

function* validateTracingBackend(path: string, backend: TracingBackend): Violations {
  const config = `${path}.config`;
  const { sampling = 100 } = backend;
  if (!backend.name) yield violation(`${path}.name`, empty);
  if (sampling < 0 || sampling > 100) yield violation(`${path}.sampling`, "has to be in [0.0 - 100.0] range");
  if (backend.type === "zipkin") {
    yield* readConf(config, zipkinConf, backend.conf, function* (conf) {
      if (conf.apiVersion && !zipkinVersions.includes(conf.apiVersion)) {
        yield violation(`${config}.apiVersion`, `has invalid value. Allowed values: ${zipkinVersions.join(", ")}`);
      }
      yield* validateCollectorUrl(`${config}.url`, conf.url ?? "");
    });
  } else if (backend.type === "datadog") {
    yield* readConf(config, datadogConf, backend.conf, function* (conf) {
      if (!conf.address) yield violation(`${config}.address`, empty);
      yield* validatePort(`${config}.port`, conf.port);
    });
  } else {
    yield violation(`${path}.type`, 'unknown backend type. Available backends: "zipkin", "datadog"');
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
      return;
    }
    const fault = regexFault(conf.envoy?.filterRegex ?? "");
    if (fault !== undefined) {
      yield violation(`${config}.envoy.filterRegex`, `provided regexp isn't correct: ${fault}`);
      return;
    }
    const names = new Set<string>();
    for (const [index, { name = "" }] of (conf.aggregate ?? []).entries()) {
      if (names.has(name))
        yield violation(`${at(`${config}.aggregate`, index)}.name`, `duplicate entry: ${name}, values have to be unique`);
      names.add(name);
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
    yield* validate(at(path, index), backend);
    if (names.has(name)) yield violation(`${at(path, index)}.name`, `"${name}" name is already used for another backend`);
    names.add(name);
  }
}

const named = (backends: { name?: string }[], name: string): boolean => backends.some((backend) => backend.name === name);

function* readConf<T>(path: string, codec: Codec<T>, conf: JsonObject | undefined, check: (conf: T) => Violations): Violations {
  try {
    yield* check(codec.read(conf ?? {}));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    yield violation(path, `could not parse config: ${error.message}`);
  }
}

function regexFault(pattern: string): string | undefined {
  try {
    new RegExp(pattern);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
