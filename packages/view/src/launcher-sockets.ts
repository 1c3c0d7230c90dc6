import { hash } from "node:crypto";
import { join } from "node:path";

const maxPathLength = 98;

/** A pipe or socket between Envoy and its launcher, whose name is cut so that it fits a socket address, as the launcher cuts it. */
const socket = (folder: string, name: string): string => `${join(folder, name).slice(0, maxPathLength)}.sock`;

/** Takes lines that are to be sent over TCP. */
export const logPipe = (folder: string, name: string, mesh: string): string => socket(folder, `kuma-al-${name}-${mesh}`);

/** The launcher tells metrics here: the proxy's own and those of applications. */
export const metricsSocket = (folder: string, name: string, mesh: string): string => socket(folder, `kuma-mh-${name}-${mesh}`);

/** Envoy tells its launcher here which metrics go where. */
export const metricsConfigSocket = (folder: string): string => socket(folder, "kuma-mesh-metric-config");

/** Envoy takes here what the launcher has for one OpenTelemetry collector. The launcher is told the path: two that are cut stay two. */
export function collectorSocket(folder: string, collector: string): string {
  const path = join(folder, `kuma-otel-${collector}`);
  if (path.length <= maxPathLength) return `${path}.sock`;
  const digest = hash("sha1", collector, "hex").slice(0, 8);
  return `${path.slice(0, maxPathLength - digest.length - 1)}-${digest}.sock`;
}
