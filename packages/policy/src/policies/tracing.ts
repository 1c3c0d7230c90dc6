import type { Resource, TracingBackend, TrafficTraceSpec } from "@atoll/resource";
import type { PolicyMesh } from "../ask/policy-mesh.ts";
import type { Question } from "../ask/question.ts";
import { collectorOf } from "./collector.ts";
import type { Collector } from "./collector.ts";

/** Where spans of a proxy go, and which. */
export interface Tracing {
  /** Names the cluster of the collector. */
  cluster: string;
  collector: Collector;
  samplingPercent: number;
  /** Of requests that ask to be traced, and of those that do not. */
  clientSamplingPercent?: number;
  randomSamplingPercent?: number;
  tags?: ({ name: string; literal: string } | { name: string; header: string; otherwise?: string })[];
  provider:
    | {
        type: "zipkin";
        path: string;
        /** Host header: host and port as written. */
        host: string;
        apiVersion: "httpJson" | "httpJsonV1" | "httpProto";
        traceId128bit: boolean;
        sharedSpanContext: boolean;
      }
    | { type: "datadog"; splitService: boolean }
    | { type: "openTelemetry" };
}

interface TracingConf {
  url?: string;
  traceId128bit?: boolean;
  apiVersion?: string;
  sharedSpanContext?: boolean;
  address?: string;
  port?: number;
  splitService?: boolean;
}

const fullSampling = 100;

/** Nothing if the mesh does not have the backend. */
function fromTrafficTrace({ spec }: Resource<TrafficTraceSpec>, { mesh }: PolicyMesh): Tracing | undefined {
  const { tracing } = mesh.spec;
  const name = spec.conf?.backend || tracing?.defaultBackend;
  const backend = tracing?.backends?.find((candidate) => candidate.name === name);
  const to = backend && destination(backend);
  return to && { cluster: `tracing:${backend.name}`, samplingPercent: backend.sampling ?? fullSampling, ...to };
}

function destination(backend: TracingBackend): Pick<Tracing, "collector" | "provider"> | undefined {
  const conf = backend.conf as TracingConf | undefined;
  if (backend.type === "datadog") {
    const { address: host, port, splitService = false } = conf ?? {};
    return host && port ? { collector: { host, port }, provider: { type: "datadog", splitService } } : undefined;
  }
  const url = urlOf(conf?.url);
  if (!url) return undefined;
  return {
    collector: { host: url.host, port: url.port },
    provider: {
      type: "zipkin",
      path: url.path,
      host: url.authority,
      apiVersion: conf?.apiVersion === "httpProto" || conf?.apiVersion === "httpJsonV1" ? conf.apiVersion : "httpJson",
      traceId128bit: conf?.traceId128bit ?? false,
      sharedSpanContext: conf?.sharedSpanContext ?? true,
    },
  };
}

function urlOf(text: string | undefined): (Collector & { path: string; authority: string }) | undefined {
  if (!text || !URL.canParse(text)) return undefined;
  const { hostname, port, protocol, pathname, host } = new URL(text);
  const defaultPort = protocol === "https:" ? 443 : 80;
  const bare = hostname.replaceAll(/[[\]]/g, "");
  return { host: bare, port: port ? Number(port) : defaultPort, path: pathname, authority: port ? host : `${host}:${defaultPort}` };
}

interface MeshTraceConf {
  backends?: {
    type: "Zipkin" | "Datadog" | "OpenTelemetry";
    zipkin?: { url: string; traceId128bit?: boolean; apiVersion?: "httpJson" | "httpProto"; sharedSpanContext?: boolean };
    datadog?: { url: string; splitService?: boolean };
    openTelemetry?: { endpoint: string };
  }[];
  sampling?: { overall?: number | string; client?: number | string; random?: number | string };
  tags?: { name: string; literal?: string; header?: { name: string; default?: string } }[];
}

/** Nothing without a backend that can be reached. */
function fromMeshTrace({ backends = [], sampling = {}, tags = [] }: MeshTraceConf): Tracing | undefined {
  const to = backends[0] && backendOf(backends[0]);
  if (!to) return undefined;
  return {
    cluster: `meshtrace:${to.provider.type.toLowerCase()}`,
    samplingPercent: Number(sampling.overall ?? fullSampling),
    clientSamplingPercent: Number(sampling.client ?? fullSampling),
    randomSamplingPercent: Number(sampling.random ?? fullSampling),
    ...(tags.length > 0
      ? {
          tags: tags.map(({ name, literal = "", header }) =>
            header
              ? { name, header: header.name, ...(header.default === undefined ? {} : { otherwise: header.default }) }
              : { name, literal },
          ),
        }
      : {}),
    ...to,
  };
}

function backendOf({ type, zipkin, datadog, openTelemetry }: NonNullable<MeshTraceConf["backends"]>[number]) {
  if (type === "Datadog") {
    const url = urlOf(datadog?.url);
    const provider = { type: "datadog" as const, splitService: datadog?.splitService ?? false };
    return url && { collector: { host: url.host, port: url.port }, provider };
  }
  if (type === "OpenTelemetry") {
    const collector = collectorOf(openTelemetry?.endpoint ?? "");
    return collector.host === "" ? undefined : { collector, provider: { type: "openTelemetry" as const } };
  }
  const url = urlOf(zipkin?.url);
  if (!url) return undefined;
  const { apiVersion = "httpJson", traceId128bit = false, sharedSpanContext = true } = zipkin ?? {};
  const provider = { type: "zipkin" as const, path: url.path, host: url.authority, apiVersion, traceId128bit, sharedSpanContext };
  return { collector: { host: url.host, port: url.port }, provider };
}

/** Tracing of a proxy. */
export const tracing: Question<Tracing> = {
  legacy: { type: "TrafficTrace", conf: fromTrafficTrace },
  targeted: { type: "MeshTrace", conf: fromMeshTrace },
};
