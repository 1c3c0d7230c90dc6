import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hostAndPort } from "@atoll/resource";
import { startProcess } from "@atoll/testkit/process";
import { startTcpBalancer, type TcpBalancer } from "@atoll/testkit/tcp-balancer";
import { stringify } from "yaml";
import { type Backends, type StackKind, startBackends } from "./backends.ts";
import { globalPorts, secondGlobalPorts, secondXdsPorts, zonePorts, type GlobalPorts, type ZonePorts } from "./ports.ts";
import { Instance, ready, Service } from "./service.ts";

export interface StackOptions {
  /** Everything the processes write goes below this folder. */
  workDir: string;
  /** Zone name -> base of its ports. */
  zones: Record<string, number>;
  /** Base of the ports of global and tokens. */
  globalBase: number;
  /** Default: embedded. */
  kind?: StackKind;
  /** Of global, and of each zone's xDS server. Default: 1 embedded, 2 on Kafka. Two of global need Kafka. */
  instances?: 1 | 2;
  /** On Kafka: these, which the caller closes, instead of some that are started and end with the stack. */
  backends?: Backends;
  /** Address by which the processes reach each other, and by which proxies reach their xDS servers. Default 127.0.0.1, and localhost. */
  loopback?: string;
  logLevel?: string;
  env?: Record<string, string>;
  /** Variables of one zone's services. */
  zoneEnv?: Readonly<Record<string, Record<string, string>>>;
  /** What the settings file of all services says; absent = there is none. */
  settings?: object;
  onProgress?: (message: string) => void;
}

export interface StackZone {
  name: string;
  ports: ZonePorts;
  sync: Service;
  xds: Service;
  /** Of each xDS server. */
  xdsDiagnostics: readonly number[];
  url: string;
  /** Where proxies connect: the xDS server, or what shares them between two. */
  dpAddress: string;
}

export interface Stack {
  kind: StackKind;
  /** Of Kafka, if the stack is on it. */
  brokers: string | undefined;
  /** REST of the first instance of global. */
  url: string;
  /** Of the first instance of global, and of the token issuer. */
  ports: GlobalPorts;
  global: Service;
  tokens: Service;
  zones: Record<string, StackZone>;
  /** Every instance of all of them, in the order they start. */
  services: readonly Instance[];
  workDir: string;
  caFile(zone: string): string;
  close(): Promise<void>;
}

const binary = fileURLToPath(new URL("../../bin/atoll", import.meta.url));
/** What all instances of global hold alike: sealing keys and, so that zones trust each, the certificate. */
const sharedFiles = ["global.key", "zone.key", "tls.pem"];

/** Starts global, the token issuer and every zone with its xDS servers, each as a process of its own, and what they keep their logs in. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { kind = "embedded", workDir, globalBase, loopback = "127.0.0.1" } = options;
  const at = (port: number | undefined): string => hostAndPort(loopback, port ?? 0);
  const say = options.onProgress ?? (() => {});
  const folder = (name: string) => {
    const path = join(workDir, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  let { backends } = options;
  if (kind === "kafka" && !backends) {
    say("Kafka, and a Redis for each zone");
    backends = await startBackends(Object.keys(options.zones));
  }
  const isDouble = (options.instances ?? (kind === "kafka" ? 2 : 1)) === 2;
  const settingsFile = join(workDir, "settings.yaml");
  if (options.settings !== undefined) writeFileSync(settingsFile, stringify(options.settings));
  const instance = (name: string, service: string, state: string, env: Record<string, string>, diagnostics: number): Instance =>
    new Instance(name, async () => {
      const started = await startProcess(binary, ["run", service, ...(options.settings === undefined ? [] : ["-c", settingsFile])], {
        env: {
          ...options.env,
          ATOLL_GENERAL_WORK_DIR: folder(state),
          ATOLL_LOG_LEVEL: options.logLevel ?? "info",
          ATOLL_DIAGNOSTICS_SERVER_PORT: String(diagnostics),
          ...env,
        },
      });
      await ready(name, started, `http://${at(diagnostics)}/readyz`);
      return started;
    });

  const ports = globalPorts(globalBase);
  const globalInstance = (name: string, own: ReturnType<typeof secondGlobalPorts>) =>
    instance(
      name,
      "global",
      name,
      {
        ...backends?.env,
        ATOLL_API_SERVER_HTTP_PORT: String(own.api),
        ATOLL_API_SERVER_HTTPS_PORT: String(own.apiTls),
        ATOLL_MULTIZONE_GLOBAL_KDS_GRPC_PORT: String(own.kds),
        ATOLL_MULTIZONE_GLOBAL_KDS_ADVERTISED_ADDRESS: `grpcs://${at(own.kds)}`,
        ATOLL_TOKENS_URL: `http://${at(ports.tokens)}`,
      },
      own.diagnostics,
    );
  const globals = [globalInstance("global", ports)];
  const kds = [ports.kds];
  if (isDouble) {
    globals.push(globalInstance("global-2", secondGlobalPorts(globalBase)));
    kds.push(secondGlobalPorts(globalBase).kds);
  }
  const tokens = instance(
    "tokens",
    "tokens",
    "global",
    { ...backends?.env, ATOLL_TOKENS_PORT: String(ports.tokens), ATOLL_GLOBAL_ADDRESS: `grpcs://${at(ports.kds)}` },
    ports.tokensDiagnostics,
  );

  const balancers: TcpBalancer[] = [];
  const zones: Record<string, StackZone> = {};
  for (const [index, [name, base]] of Object.entries(options.zones).entries()) {
    const own = zonePorts(base);
    const second = secondXdsPorts(base);
    const state = `zone-${name}`;
    const zoneEnv = {
      ...backends?.zoneEnv(name),
      ...options.zoneEnv?.[name],
      ATOLL_MULTIZONE_ZONE_NAME: name,
      ATOLL_MULTIZONE_ZONE_TOKEN_FILE: join(folder(state), "zone-token"),
    };
    const sync = instance(
      `zone-${name}`,
      "zone",
      state,
      {
        ...zoneEnv,
        ATOLL_MULTIZONE_ZONE_GLOBAL_ADDRESS: `grpcs://${at(kds[index % kds.length])}`,
        ATOLL_MULTIZONE_ZONE_KDS_ROOT_CA_FILE: join(workDir, "global", "tls.crt"),
        ATOLL_API_SERVER_HTTP_PORT: String(own.api),
        ATOLL_API_SERVER_HTTPS_PORT: String(own.apiTls),
        ATOLL_RELAY_PORT: String(own.relay),
        ATOLL_MONITORING_ASSIGNMENT_SERVER_PORT: String(own.monitoring),
        ATOLL_TOKENS_URL: `http://${at(ports.tokens)}`,
      },
      own.diagnostics,
    );
    const dpPort = isDouble ? second.balancer : own.dp;
    const xdsInstance = (instanceName: string, { dp, xdsDiagnostics }: { dp: number; xdsDiagnostics: number }) =>
      instance(
        instanceName,
        "xds",
        state,
        {
          ...zoneEnv,
          ATOLL_ZONE_ADDRESS: `grpcs://${at(own.relay)}`,
          ATOLL_DP_SERVER_PORT: String(dp),
          ATOLL_BOOTSTRAP_SERVER_PARAMS_XDS_PORT: String(dpPort),
        },
        xdsDiagnostics,
      );
    const xds = isDouble ? [xdsInstance(`xds-${name}`, own), xdsInstance(`xds-${name}-2`, second)] : [xdsInstance(`xds-${name}`, own)];
    zones[name] = {
      name,
      ports: own,
      sync: new Service(`zone-${name}`, [sync]),
      xds: new Service(`xds-${name}`, xds),
      xdsDiagnostics: isDouble ? [own.xdsDiagnostics, second.xdsDiagnostics] : [own.xdsDiagnostics],
      url: `http://${at(own.api)}`,
      dpAddress: options.loopback === undefined ? `https://localhost:${dpPort}` : `https://${at(dpPort)}`,
    };
  }

  const services = [...globals, tokens, ...Object.values(zones).flatMap(({ sync, xds }) => [...sync.instances, ...xds.instances])];
  const stack: Stack = {
    kind,
    brokers: backends?.brokers,
    url: `http://${at(ports.api)}`,
    ports,
    global: new Service("global", globals),
    tokens: new Service("tokens", [tokens]),
    zones,
    services,
    workDir,
    caFile: (zone) => join(workDir, `zone-${zone}`, "tls.crt"),
    close: async () => {
      for (const one of services.toReversed()) await one.stop();
      for (const balancer of balancers) await balancer.close();
      if (!options.backends) await backends?.close();
    },
  };
  try {
    const [first, ...others] = globals;
    say("global");
    await first!.start();
    for (const file of others.length > 0 ? sharedFiles : []) copyFileSync(join(workDir, "global", file), join(folder("global-2"), file));
    say(others.length > 0 ? "token issuer, and global a second time" : "token issuer");
    await Promise.all([tokens, ...others].map((one) => one.start()));
    await Promise.all(
      Object.values(zones).map(async (zone) => {
        const token = await requestZoneToken(stack.url, zone.name);
        writeFileSync(join(folder(`zone-${zone.name}`), "zone-token"), token, { mode: 0o600 });
        const { dp, balancer } = secondXdsPorts(options.zones[zone.name]!);
        if (isDouble) balancers.push(await startTcpBalancer(balancer, [zone.ports.dp, dp]));
        say(`zone ${zone.name}${isDouble ? " with two xDS servers" : ""}`);
        await zone.sync.start();
        await zone.xds.start();
      }),
    );
    return stack;
  } catch (error) {
    await stack.close();
    throw error;
  }
}

async function requestZoneToken(url: string, zone: string): Promise<string> {
  const answer = await fetch(`${url}/tokens/zone`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ zone, scope: ["cp"], validFor: "720h" }),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`no zone token for ${zone}: ${answer.status} ${text}`);
  return text;
}
