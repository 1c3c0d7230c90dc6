import { accessSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { dialAddress } from "@atoll/resource";
import { version } from "@atoll/runtime/version";
import { fileFault, readYaml } from "@atoll/yaml";
import { startAccessLogStreamer } from "./access-log-streamer.ts";
import { announceLeave, fetchBootstrap, type BootstrapAnswer } from "./bootstrap-client.ts";
import { startDns } from "./dns.ts";
import { drainInbounds, envoyVersion, failHealthCheck, startEnvoy } from "./envoy-process.ts";
import { DpOptionsError } from "./dp-options-error.ts";
import type { DpLog } from "./dp-log.ts";
import type { DpOptions } from "./options.ts";
import { startMetrics } from "./metrics/start-metrics.ts";
import { startProbeProxy } from "./probe-proxy.ts";
import { startReadiness } from "./readiness.ts";

/**
 * Fetches the bootstrap configuration, runs Envoy with it until a signal, and drains it; a second signal ends the drain. Resolves
 * with the exit status, which is Envoy's if it ended by itself.
 */
export async function runProxy(options: DpOptions, log: DpLog): Promise<number> {
  const { say } = log;
  const [stop, hurry] = [new AbortController(), new AbortController()];
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => (stop.signal.aborted ? hurry : stop).abort());
  const drain = new AbortController();
  process.on("SIGUSR2", () => drain.abort());

  const envoy = await envoyVersion(options.envoyBinary);
  const folder = options.configDir ?? mkdtempSync(join(tmpdir(), "atoll-dp-"));
  makeFolder("--config-dir", folder);
  const workdir = options.socketDir ?? folder;
  makeFolder("--socket-dir", workdir);
  if (options.caCertPem === undefined) say("the control plane's certificate is not verified for /bootstrap; give --ca-cert-file");
  try {
    const answer = await fetchBootstrap(options.cpAddress, options.caCertPem, bootstrapRequest(options, envoy, workdir), {
      ...options.retry,
      signal: stop.signal,
      onRetry: (reason) => say(`no bootstrap configuration yet, trying again: ${reason}`),
    });
    const configPath = join(folder, "bootstrap.yaml");
    rmSync(configPath, { force: true });
    writeFileSync(configPath, answer.bootstrap, { mode: 0o600 }); // it holds the token
    log.debug(`the bootstrap configuration is in ${configPath}`);
    return await supervise(options, log, { configPath, workdir, temporary: options.configDir === undefined ? folder : undefined }, answer, {
      stop: stop.signal,
      hurry: hurry.signal,
      drain: drain.signal,
    });
  } catch (error) {
    if (stop.signal.aborted) return 0;
    throw error;
  } finally {
    if (options.configDir === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

function makeFolder(flag: string, path: string): void {
  try {
    mkdirSync(path, { recursive: true });
    accessSync(path, constants.W_OK);
  } catch (error) {
    throw new DpOptionsError(`${flag}: cannot write to ${path}: ${fileFault(error)}`);
  }
}

interface Places {
  configPath: string;
  workdir: string;
  /** A folder that must not outlive this process. */
  temporary: string | undefined;
}

interface Signals {
  /** SIGTERM: tell everybody, drain, end. */
  stop: AbortSignal;
  /** A second one: end at once. */
  hurry: AbortSignal;
  /** SIGUSR2, as for kuma-dp: drain and go on; the end then comes at once. */
  drain: AbortSignal;
}

async function supervise(
  options: DpOptions,
  { say }: DpLog,
  places: Places,
  answer: BootstrapAnswer,
  { stop, hurry, drain }: Signals,
): Promise<number> {
  const { admin, service } = whatEnvoyIs(answer.bootstrap);
  const dns = await startDns(options.dns, answer, dirname(places.configPath));
  const readiness = await startReadiness(admin?.address ?? "127.0.0.1", options.readinessPort);
  const probes = await startProbeProxy({ address: answer.networkingAddress, port: options.probeProxyPort });
  const accessLogs = startAccessLogStreamer(places.workdir, options.name, options.mesh, say);
  const { name, mesh } = options;
  const { networkingAddress: address, isTransparent, aggregate } = answer;
  const metrics = admin && startMetrics({ folder: places.workdir, name, mesh, service, admin, address, isTransparent, aggregate, say });
  try {
    const envoy = startEnvoy({
      binary: options.envoyBinary,
      configPath: places.configPath,
      drainTimeS: options.drainTimeS,
      logLevel: options.envoyLogLevel,
      componentLogLevel: options.envoyComponentLogLevel,
      concurrency: options.concurrency,
      temporary: places.temporary,
    });
    void aborted(drain).then(() => {
      say("draining connections");
      return admin === undefined ? undefined : drainInbounds(admin);
    });
    const dnsEnded = dns.ended.then((reason) => ({ status: 1, reason }));
    const ended = await Promise.race([envoy.exited, aborted(stop), dnsEnded]);
    if (ended !== undefined) {
      say(ended.reason);
      envoy.kill("SIGKILL");
      return ended.status;
    }
    readiness.terminate();
    // First nobody new is to call, then those who do are asked to go, then there is time for both.
    const left = announceLeave(options).catch((error: unknown) =>
      say(`the control plane was not told that this proxy stops: ${(error as Error).message}`),
    );
    await Promise.race([left, aborted(hurry)]);
    if (admin !== undefined) await failHealthCheck(admin);
    if (!drain.aborted) await Promise.race([envoy.exited, aborted(hurry), delay(options.drainTimeS * 1_000)]);
    envoy.kill("SIGTERM");
    await Promise.race([envoy.exited, delay(5_000)]);
    envoy.kill("SIGKILL");
    await envoy.exited;
    return 0;
  } finally {
    accessLogs.close();
    await metrics?.close();
    probes.close();
    readiness.close();
    dns.close();
  }
}

const aborted = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });

function bootstrapRequest(options: DpOptions, envoy: { version: string; build: string }, workdir: string): Record<string, unknown> {
  return {
    mesh: options.mesh,
    name: options.name,
    proxyType: options.proxyType,
    ...(options.token !== "" && { dataplaneToken: options.token }),
    ...(options.tokenPath !== "" && { dataplaneTokenPath: options.tokenPath }),
    ...(options.resource !== undefined && { dataplaneResource: options.resource.json }),
    version: {
      kumaDp: { version: version.kuma, gitTag: `atoll-${version.atoll}`, gitCommit: "", buildDate: "" },
      envoy: { ...envoy, kumaDpCompatible: true },
    },
    caCert: options.caCertPem ?? "",
    dynamicMetadata: {},
    ...(options.proxyType === "dataplane" && { dnsPort: options.dns.envoyPort }),
    readinessPort: options.readinessPort,
    operatingSystem: "linux",
    features: ["feature-tcp-accesslog-via-named-pipe"],
    resources: { maxHeapSizeBytes: options.maxMemoryBytes },
    workdir,
    metricsResources: options.metrics,
    systemCaPath: options.systemCaPath,
    ipv6Enabled: options.ipv6,
  };
}

/** Where its admin interface is, and what it calls itself. */
function whatEnvoyIs(bootstrap: string): { admin?: { address: string; port: number }; service: string } {
  const { admin, node } = readYaml(bootstrap) as {
    admin?: { address?: { socketAddress?: { address: string; portValue: number } } };
    node?: { cluster?: string };
  };
  const socket = admin?.address?.socketAddress;
  return { ...(socket && { admin: { address: dialAddress(socket.address), port: socket.portValue } }), service: node?.cluster ?? "" };
}
