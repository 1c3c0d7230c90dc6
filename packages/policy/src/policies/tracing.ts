import type { Resource, TracingBackend, TrafficTraceSpec } from "@atoll/resource";
import type { PolicyMesh } from "../ask/policy-mesh.ts";
import type { Question } from "../ask/question.ts";

/** Where spans of a proxy go, and which. */
export interface Tracing {
  /** Names the cluster of the collector. */
  cluster: string;
  collector: { host: string; port: number };
  samplingPercent: number;
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
    | { type: "datadog"; splitService: boolean };
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
  const url = collectorOf(conf?.url);
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

function collectorOf(text: string | undefined): { host: string; port: number; path: string; authority: string } | undefined {
  if (!text || !URL.canParse(text)) return undefined;
  const { hostname, port, protocol, pathname, host } = new URL(text);
  const defaultPort = protocol === "https:" ? 443 : 80;
  const bare = hostname.replaceAll(/[[\]]/g, "");
  return { host: bare, port: port ? Number(port) : defaultPort, path: pathname, authority: port ? host : `${host}:${defaultPort}` };
}

/** Tracing of a proxy. */
export const tracing: Question<Tracing> = {
  legacy: { type: "TrafficTrace", conf: fromTrafficTrace },
};
