import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { version } from "@atoll/runtime/version";
import { parse as parseYaml } from "yaml";
import { startAccessLogStreamer } from "./access-log-streamer.ts";
import { fetchBootstrap } from "./bootstrap-client.ts";
import { envoyVersion, failHealthCheck, startEnvoy } from "./envoy-process.ts";
import { resourceDocument, type DpOptions } from "./options.ts";
import { startReadiness } from "./readiness.ts";

const say = (message: string) => console.error(`atoll-dp: ${message}`);

/** Fetches the bootstrap configuration, runs Envoy with it until a signal, and drains it. Resolves with the exit status. */
export async function runProxy(options: DpOptions): Promise<number> {
  const stop = new AbortController();
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve()));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => stop.abort());

  const envoy = await envoyVersion(options.envoyBinary);
  const folder = options.configDir ?? mkdtempSync(join(tmpdir(), "atoll-dp-"));
  mkdirSync(folder, { recursive: true });
  const workdir = options.socketDir ?? folder;
  if (options.caCertPem === undefined) say("the control plane's certificate is not verified for /bootstrap; give --ca-cert-file");
  const cleanUp = () => options.configDir === undefined && rmSync(folder, { recursive: true, force: true });
  try {
    const answer = await fetchBootstrap(options.cpAddress, options.caCertPem, bootstrapRequest(options, envoy, workdir), {
      backoffMs: 1_000,
      maxDurationMs: 300_000,
      signal: stop.signal,
      onRetry: (reason) => say(`no bootstrap configuration yet, trying again: ${reason}`),
    });
    const configPath = join(folder, "bootstrap.yaml");
    writeFileSync(configPath, answer.bootstrap);
    chmodSync(configPath, 0o600); // it holds the token
    const admin = adminAddress(answer.bootstrap);
    const readiness = await startReadiness(admin?.address ?? "127.0.0.1", options.readinessPort);
    const accessLogs = startAccessLogStreamer(workdir, options.name, options.mesh, say);
    const child = startEnvoy({
      binary: options.envoyBinary,
      configPath,
      drainTimeS: options.drainTimeS,
      logLevel: options.envoyLogLevel,
      concurrency: options.concurrency,
    });
    const exited = new Promise<number>((resolve) => {
      child.on("error", (error) => {
        say(`Envoy did not start: ${error.message}`);
        resolve(1);
      });
      child.on("exit", (code, signal) => resolve(signal ? 128 : (code ?? 0)));
    });
    const first = await Promise.race([exited, stopped]);
    if (first === undefined) {
      readiness.terminate();
      if (admin !== undefined) await failHealthCheck(admin.port);
      await Promise.race([exited, delay(options.drainTimeS * 1_000)]);
      child.kill("SIGTERM");
      await Promise.race([exited, delay(5_000)]);
      child.kill("SIGKILL");
    } else {
      say(`Envoy ended with status ${first}`);
    }
    accessLogs.close();
    readiness.close();
    return first ?? 0;
  } catch (error) {
    if (stop.signal.aborted) return 0;
    throw error;
  } finally {
    cleanUp();
  }
}

function bootstrapRequest(options: DpOptions, envoy: { version: string; build: string }, workdir: string): Record<string, unknown> {
  return {
    mesh: options.mesh,
    name: options.name,
    proxyType: options.proxyType,
    ...(options.token !== "" && { dataplaneToken: options.token }),
    ...(options.tokenPath !== "" && { dataplaneTokenPath: options.tokenPath }),
    ...(options.resource !== undefined && { dataplaneResource: resourceDocument(options.resource) }),
    version: {
      kumaDp: { version: version.kuma, gitTag: `atoll-${version.atoll}`, gitCommit: "", buildDate: "" },
      envoy: { ...envoy, kumaDpCompatible: true },
    },
    caCert: options.caCertPem ?? "",
    dynamicMetadata: {},
    readinessPort: options.readinessPort,
    operatingSystem: "linux",
    features: ["feature-tcp-accesslog-via-named-pipe"],
    resources: { maxHeapSizeBytes: 0 },
    workdir,
    metricsResources: { certPath: "", keyPath: "" },
    systemCaPath: "",
    ipv6Enabled: false,
  };
}

function adminAddress(bootstrap: string): { address: string; port: number } | undefined {
  const socket = (parseYaml(bootstrap) as { admin?: { address?: { socketAddress?: { address: string; portValue: number } } } }).admin
    ?.address?.socketAddress;
  return socket === undefined ? undefined : { address: socket.address, port: socket.portValue };
}
