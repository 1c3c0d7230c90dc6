import { chooseDataplanePolicy, dataplanePolicyCandidates } from "@atoll/policy";
import type { TracingBackend, TrafficTraceSpec } from "@atoll/resource";
import { isIP } from "node:net";
import type { Dataplane } from "../dataplane.ts";
import { tagSets } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import { tracingClusterName } from "../names.ts";
import type { ClusterView, TracingView } from "../proxy-view.ts";
import { choiceOf, refOf } from "../reasons.ts";
import type { PolicyChoice, Reasons } from "../reasons.ts";

/** The tracing of one proxy: where spans go, and what a listener says of itself. */
export interface Tracing {
  cluster: ClusterView;
  listener: (direction: "inbound" | "outbound", service: string, destination?: string) => TracingView;
  /** How its TrafficTrace was chosen. */
  choice: () => PolicyChoice[];
  reasons: () => Reasons;
}

const fullSampling = 100;

/** undefined without a TrafficTrace for the dataplane, or if the mesh does not have its backend. */
export function tracing(context: MeshContext, dataplane: Dataplane): Tracing | undefined {
  const asked = [context.resources<TrafficTraceSpec>("TrafficTrace"), tagSets(dataplane), context.rules] as const;
  const policy = chooseDataplanePolicy(...asked);
  if (!policy) return undefined;
  const { tracing: settings } = context.mesh.spec;
  const name = policy.spec.conf?.backend || settings?.defaultBackend;
  const backend = settings?.backends?.find((candidate) => candidate.name === name);
  const target = backend && collector(backend);
  if (!backend || !target) return undefined;
  const cluster = tracingClusterName(backend.name);
  const choice = (): PolicyChoice[] => choiceOf(dataplanePolicyCandidates(...asked));
  return {
    cluster: {
      name: cluster,
      discovery: isIP(target.host)
        ? { type: "static", endpoints: [{ address: target.host, port: target.port }] }
        : { type: "dns", endpoints: [{ address: target.host, port: target.port }], family: "auto" },
      connectTimeoutMs: 10_000,
    },
    listener: (direction, service, destination) => ({
      cluster,
      serviceName: service,
      samplingPercent: backend.sampling ?? fullSampling,
      direction,
      provider: provider(backend, target, direction, service, destination),
    }),
    choice,
    reasons: () => ({ from: [refOf(context.mesh, `tracing backend ${backend.name}`)], policies: choice() }),
  };
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

interface Target {
  host: string;
  port: number;
  path: string;
  /** Host header: host and port as written. */
  authority: string;
}

function collector(backend: TracingBackend): Target | undefined {
  const conf = backend.conf as TracingConf | undefined;
  if (backend.type === "datadog") {
    const host = conf?.address ?? "";
    const port = conf?.port ?? 0;
    return host && port ? { host, port, path: "", authority: host } : undefined;
  }
  if (!conf?.url || !URL.canParse(conf.url)) return undefined;
  const { hostname, port, protocol, pathname, host } = new URL(conf.url);
  const defaultPort = protocol === "https:" ? 443 : 80;
  const bare = hostname.replaceAll(/[[\]]/g, "");
  return { host: bare, port: port ? Number(port) : defaultPort, path: pathname, authority: port ? host : `${host}:${defaultPort}` };
}

function provider(
  backend: TracingBackend,
  target: Target,
  direction: "inbound" | "outbound",
  service: string,
  destination: string | undefined,
): TracingView["provider"] {
  const conf = backend.conf as TracingConf | undefined;
  if (backend.type === "datadog") {
    const parts = [service, direction.toUpperCase(), ...(direction === "outbound" && destination ? [destination] : [])];
    return { type: "datadog", serviceName: conf?.splitService ? parts.join("_") : service };
  }
  return {
    type: "zipkin",
    path: target.path,
    host: target.authority,
    apiVersion: conf?.apiVersion === "httpProto" || conf?.apiVersion === "httpJsonV1" ? conf.apiVersion : "httpJson",
    traceId128bit: conf?.traceId128bit ?? false,
    sharedSpanContext: conf?.sharedSpanContext ?? true,
  };
}
