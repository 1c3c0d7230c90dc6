import { rmSync, watch } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { CollectorPushes } from "./collector-pushes.ts";
import { asMeshTraffic } from "./mesh-traffic.ts";
import { readMetricsConfig, type MetricsConfig } from "./metrics-config.ts";
import { selectFamilies } from "./profiles.ts";
import { joinFamilies, renderMetrics, type MetricFamily } from "./prometheus-text.ts";
import { scrape, type MetricsSource } from "./scrape.ts";

/** Names of sockets are cut so that they fit a socket address. */
const maxPathLength = 98;
const socketIn = (folder: string, name: string): string => `${join(folder, name).slice(0, maxPathLength)}.sock`;
const configSocketName = "kuma-mesh-metric-config";

export interface ProxyMetricsOptions {
  /** Folder of the sockets. */
  folder: string;
  name: string;
  mesh: string;
  /** By which the proxy calls itself in metrics. */
  service: string;
  admin: { address: string; port: number };
  /** Of the workload. */
  address: string;
  isTransparent: boolean;
  /** Whose metrics come with Envoy's by the `metrics` of the mesh. */
  aggregate: readonly MetricsSource[];
  say: (message: string) => void;
}

const contentType = "text/plain; version=0.0.4; charset=utf-8";
/** How often it is tried to ask Envoy after it made a socket, which is there a moment before it listens, and how long between two tries. */
const [tries, pauseMs] = [5, 200];

/**
 * Tells the metrics of Envoy and of applications on a socket, from which Envoy shows them to Prometheus, and sends them to OpenTelemetry
 * collectors, as kuma-dp does: `/meshmetric` as the MeshMetrics say, everything else as the `metrics` of the mesh. Says what goes wrong once.
 */
export function startMetrics(options: ProxyMetricsOptions): { close(): Promise<void> } {
  const { folder, name, mesh, service, admin, say } = options;
  const configSocket = socketIn(folder, configSocketName);
  const said = new Map<string, string>();
  const sayOnce = (about: string, fault: string | undefined) => {
    if (fault !== undefined && said.get(about) !== fault) say(`metrics of ${about}: ${fault}`);
    if (fault === undefined) said.delete(about);
    else said.set(about, fault);
  };
  const read = async (source: MetricsSource): Promise<MetricFamily[]> => {
    const about = `${source.name || "an application"} at ${source.address}:${source.port}${source.path}`;
    try {
      const families = await scrape(source, options.isTransparent && source.name !== "envoy");
      sayOnce(about, undefined);
      return families;
    } catch (error) {
      sayOnce(about, (error as Error).message);
      return [];
    }
  };
  const readEnvoy = (query: string) => read({ name: "envoy", ...admin, path: `/stats?format=prometheus&text_readouts${query}` });
  const ownLabels = { mesh, dataplane: name, service };

  const byPolicy = async ({ applications, sidecar }: Pick<MetricsConfig, "applications" | "sidecar">): Promise<MetricFamily[]> => {
    const [envoy, ...others] = await Promise.all([
      readEnvoy(sidecar?.includeUnused === true ? "" : "&usedonly"),
      ...applications.map((one) => read({ ...one, address: one.address || options.address })),
    ]);
    return joinFamilies([...others, selectFamilies(envoy, sidecar)]);
  };
  const config = () => readMetricsConfig(configSocket);
  const pushes = new CollectorPushes({
    service,
    collect: async () => {
      const current = await config();
      return current && { families: await byPolicy(current), labels: { ...ownLabels, ...current.extraLabels } };
    },
    say,
  });
  /** Envoy made or remade a socket. */
  let refreshing: Promise<void> | undefined;
  const refresh = async (): Promise<void> => {
    for (let tried = 0; tried < tries; tried++) {
      const current = await config().catch(() => undefined);
      if (current) return pushes.set(current.collectors);
      await delay(pauseMs, undefined, { ref: false });
    }
    await pushes.set(new Map());
  };
  const watcher = watch(folder, { persistent: false }, (_event, file) => {
    if (!file?.startsWith(configSocketName) && !file?.startsWith("kuma-otel-")) return;
    refreshing = (refreshing ?? Promise.resolve()).then(refresh).catch((error: unknown) => say(`metrics: ${(error as Error).message}`));
  });
  watcher.on("error", (error) => say(`metrics are not sent to collectors: ${error.message}`));

  const answer = async (url: URL): Promise<string> => {
    if (url.pathname.startsWith("/meshmetric")) {
      const current = (await config()) ?? { applications: [], extraLabels: {}, collectors: new Map() };
      void pushes.set(current.collectors);
      return renderMetrics(await byPolicy(current), { ...ownLabels, ...current.extraLabels });
    }
    const query = url.search === "" ? "" : `&${url.search.slice(1)}`;
    const [envoy, ...others] = await Promise.all([readEnvoy(query), ...options.aggregate.map(read)]);
    return renderMetrics(joinFamilies([...others, asMeshTraffic(envoy)]));
  };
  const path = socketIn(folder, `kuma-mh-${name}-${mesh}`);
  rmSync(path, { force: true });
  const server = createServer((request, response) => {
    answer(new URL(request.url ?? "/", "http://localhost")).then(
      (text) => response.writeHead(200, { "content-type": contentType }).end(text),
      (error: unknown) => response.writeHead(500, { "content-type": "text/plain" }).end(`${(error as Error).message}\n`),
    );
  });
  server.on("error", (error) => say(`no metrics: ${error.message}`));
  server.listen(path);
  return {
    close: async () => {
      watcher.close();
      server.close();
      server.closeAllConnections();
      rmSync(path, { force: true });
      await pushes.close();
    },
  };
}
