import { isBuiltinGateway, parseGoDuration, tagValuesOf } from "@atoll/resource";
import type { DataplaneSpec, MeshMetricSpec } from "@atoll/resource";
import type { Question } from "../ask/question.ts";
import { collectorOf } from "./collector.ts";
import type { Collector } from "./collector.ts";

/** Where the metrics of a proxy go, and which. */
export interface Metrics {
  /** Who may read them; in the order of the policies. */
  scraped: Scraped[];
  pushed: { to: Collector; name: string; intervalMs: number }[];
  /** Whose metrics are told beside those of the proxy. Without an address: of the workload. */
  applications: { name?: string; address: string; port: number; path: string }[];
  /** Which metrics of the proxy itself, in the words of the policy; the launcher chooses by it. */
  sidecar?: object;
}

export interface Scraped {
  /** The Prometheus that it is for; absent = each that has no other. */
  client?: string;
  port: number;
  path: string;
  /** Without TLS, with the files that the proxy was started with, or with the certificates of the mesh. */
  tls: "disabled" | "files" | "mesh";
}

type Conf = NonNullable<MeshMetricSpec["default"]>;

const defaultPort = 5670;
const defaultPath = "/metrics";
const defaultIntervalMs = 60_000;
const tlsOf = { Disabled: "disabled", ProvidedTLS: "files", ActiveMTLSBackend: "mesh" } as const;

/** Nothing without a backend: then the mesh's own `metrics` hold. */
export function metricsOf({ backends = [], applications = [], sidecar }: Conf): Metrics | undefined {
  if (backends.length === 0) return undefined;
  return {
    scraped: backends.flatMap(({ type, prometheus }): Scraped[] => {
      if (type !== "Prometheus" || !prometheus) return [];
      const { clientId, port = defaultPort, path = defaultPath, tls } = prometheus;
      return [{ ...(clientId === undefined ? {} : { client: clientId }), port, path, tls: tlsOf[tls?.mode ?? "Disabled"] }];
    }),
    pushed: backends.flatMap(({ type, openTelemetry }) => {
      if (type !== "OpenTelemetry" || !openTelemetry) return [];
      const { endpoint, refreshInterval } = openTelemetry;
      // It becomes a part of file names.
      const name = endpoint.replaceAll("/", "").replaceAll(":", "-");
      return [{ to: collectorOf(endpoint), name, intervalMs: intervalOf(refreshInterval) }];
    }),
    applications: applications.map(({ name, address = "", port, path = defaultPath }) => ({
      ...(name === undefined ? {} : { name }),
      address,
      port,
      path,
    })),
    ...(sidecar && { sidecar }),
  };
}

function intervalOf(text: string | undefined): number {
  const parsed = text === undefined ? undefined : parseGoDuration(text);
  const intervalMs = parsed && "nanoseconds" in parsed ? Number(parsed.nanoseconds / 1_000_000n) : 0;
  return intervalMs > 0 ? intervalMs : defaultIntervalMs;
}

/** Metrics of a proxy. */
export const metrics: Question<Metrics> = { targeted: { type: "MeshMetric", conf: metricsOf } };

/**
 * Labels by which the metrics of a dataplane are found: of each tag its first value and, under its plural, all of them as `,a,b,`, so that
 * queries need no clever expressions. `gateway`: of a builtin gateway, the name of its MeshGateway.
 */
export function metricLabels(dataplane: DataplaneSpec, gateway: string | undefined): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [key, values] of tagValuesOf(dataplane)) {
    labels[labelName(key)] = values[0] ?? "";
    labels[labelName(`${key}s`)] = `,${values.join(",")},`;
  }
  if (isBuiltinGateway(dataplane)) labels["kuma_io_mesh_gateway"] = gateway ?? "";
  return Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const labelName = (key: string) => key.replaceAll(/[^a-zA-Z0-9_]/g, "_");
