import { parseGoDuration } from "@atoll/resource";
import type { SidecarMetrics } from "./profiles.ts";
import { getText } from "./scrape.ts";

/** What a MeshMetric says that concerns the launcher. */
export interface MetricsConfig {
  applications: { name: string; address: string; port: number; path: string }[];
  sidecar?: SidecarMetrics;
  extraLabels: Record<string, string>;
  /** Sockets on which Envoy takes what is for a collector, by the collector's name. */
  collectors: Map<string, { socket: string; intervalMs: number }>;
}

interface Told {
  observability?: {
    metrics?: {
      applications?: { name?: string; address?: string; port: number; path: string }[] | null;
      backends?: { type: string; name?: string | null; openTelemetry?: { endpoint: string; refreshInterval: string } }[] | null;
      sidecar?: SidecarMetrics;
      extraLabels?: Record<string, string> | null;
    };
  };
}

const defaultIntervalMs = 60_000;

/** Asks Envoy, which has it from the control plane. undefined while no MeshMetric is for this proxy. Rejects if the answer is none. */
export async function readMetricsConfig(socketPath: string): Promise<MetricsConfig | undefined> {
  let text: string;
  try {
    ({ text } = await getText({ socketPath, path: "/meshmetric" }));
  } catch (error) {
    // Envoy leaves the socket behind when its listener goes.
    if (["ENOENT", "ECONNREFUSED"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
  const { applications, backends, sidecar, extraLabels } = (JSON.parse(text) as Told).observability?.metrics ?? {};
  return {
    applications: (applications ?? []).map(({ name = "", address = "", port, path }) => ({ name, address, port, path })),
    ...(sidecar && { sidecar }),
    extraLabels: extraLabels ?? {},
    collectors: new Map(
      (backends ?? []).flatMap(({ type, name, openTelemetry }) =>
        type === "OpenTelemetry" && openTelemetry
          ? [[name ?? "", { socket: openTelemetry.endpoint, intervalMs: intervalMs(openTelemetry.refreshInterval) }] as const]
          : [],
      ),
    ),
  };
}

function intervalMs(text: string): number {
  const parsed = parseGoDuration(text);
  const ms = "nanoseconds" in parsed ? Number(parsed.nanoseconds / 1_000_000n) : 0;
  return ms > 0 ? ms : defaultIntervalMs;
}
