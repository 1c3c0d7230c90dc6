import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import { globalPorts, zonePorts, type GlobalPorts, type ZonePorts } from "./ports.ts";

export interface StackOptions {
  /** Everything the processes write goes below this folder. */
  workDir: string;
  /** Zone name -> base of its ports. */
  zones: Record<string, number>;
  /** Base of the ports of global and tokens. */
  globalBase: number;
  logLevel?: string;
  env?: Record<string, string>;
  onProgress?: (message: string) => void;
}

/** A service that can be killed and started again into the same state. */
export class Service {
  readonly name: string;
  readonly #start: () => Promise<StartedProcess>;
  readonly #earlier: StartedProcess[] = [];
  #process: StartedProcess | undefined;
  #readyAfterMs = 0;

  constructor(name: string, start: () => Promise<StartedProcess>) {
    this.name = name;
    this.#start = start;
  }

  get process(): StartedProcess {
    if (this.#process === undefined) throw new Error(`${this.name} is not running`);
    return this.#process;
  }

  /** From the start of the process until it said that it is ready; 0 before that. */
  get readyAfterMs(): number {
    return this.#readyAfterMs;
  }

  /** What the last process of this service wrote; it stays after the process has ended. */
  output(): string {
    return this.#process?.output() ?? "";
  }

  /** What every process of this service wrote so far, the oldest first. */
  outputs(): string {
    return this.#earlier.map((one) => one.output()).join("") + this.output();
  }

  async start(): Promise<void> {
    const began = performance.now();
    if (this.#process !== undefined) this.#earlier.push(this.#process);
    this.#process = undefined;
    this.#process = await this.#start();
    this.#readyAfterMs = performance.now() - began;
  }

  /** As a crash: no time to clean up. */
  async kill(): Promise<void> {
    this.process.signal("SIGKILL");
    await this.process.exited;
  }

  async stop(): Promise<void> {
    await this.#process?.stop(8_000);
  }
}

export interface StackZone {
  name: string;
  ports: ZonePorts;
  sync: Service;
  xds: Service;
  url: string;
  dpAddress: string;
}

export interface Stack {
  url: string;
  ports: GlobalPorts;
  global: Service;
  tokens: Service;
  zones: Record<string, StackZone>;
  /** All of them, in the order they start. */
  services: readonly Service[];
  workDir: string;
  caFile(zone: string): string;
  close(): Promise<void>;
}

const binary = fileURLToPath(new URL("../../bin/atoll", import.meta.url));

/** Starts global, the token issuer and every zone with its xDS server, each as a process of its own on the embedded log. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const say = options.onProgress ?? (() => {});
  const services: Service[] = [];
  const ports = globalPorts(options.globalBase);
  const url = `http://127.0.0.1:${ports.api}`;
  const folder = (name: string) => {
    const path = join(options.workDir, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const service = (name: string, kind: string, env: Record<string, string>, readyUrl: string) => {
    const made = new Service(name, async () => {
      const started = await startProcess(binary, ["run", kind], {
        env: {
          ...options.env,
          ATOLL_GENERAL_WORK_DIR: folder(kind === "tokens" ? "global" : name.replace("xds", "zone")),
          ATOLL_LOG_LEVEL: options.logLevel ?? "info",
          ...env,
        },
      });
      await ready(name, started, readyUrl);
      return started;
    });
    services.push(made);
    return made;
  };

  const global = service(
    "global",
    "global",
    {
      ATOLL_API_SERVER_HTTP_PORT: String(ports.api),
      ATOLL_API_SERVER_HTTPS_PORT: String(ports.apiTls),
      ATOLL_MULTIZONE_GLOBAL_KDS_GRPC_PORT: String(ports.kds),
      ATOLL_TOKENS_URL: `http://127.0.0.1:${ports.tokens}`,
      ATOLL_DIAGNOSTICS_SERVER_PORT: String(ports.diagnostics),
    },
    `http://127.0.0.1:${ports.diagnostics}/readyz`,
  );
  const tokens = service(
    "tokens",
    "tokens",
    {
      ATOLL_TOKENS_PORT: String(ports.tokens),
      ATOLL_GLOBAL_ADDRESS: `grpcs://127.0.0.1:${ports.kds}`,
      ATOLL_DIAGNOSTICS_SERVER_PORT: String(ports.tokensDiagnostics),
    },
    `http://127.0.0.1:${ports.tokensDiagnostics}/readyz`,
  );
  const zones: Record<string, StackZone> = {};
  for (const [name, base] of Object.entries(options.zones)) {
    const own = zonePorts(base);
    const tokenFile = join(folder(`zone-${name}`), "zone-token");
    const sync = service(
      `zone-${name}`,
      "zone",
      {
        ATOLL_MULTIZONE_ZONE_NAME: name,
        ATOLL_MULTIZONE_ZONE_GLOBAL_ADDRESS: `grpcs://127.0.0.1:${ports.kds}`,
        ATOLL_MULTIZONE_ZONE_KDS_ROOT_CA_FILE: join(options.workDir, "global", "tls.crt"),
        ATOLL_MULTIZONE_ZONE_TOKEN_FILE: tokenFile,
        ATOLL_API_SERVER_HTTP_PORT: String(own.api),
        ATOLL_API_SERVER_HTTPS_PORT: String(own.apiTls),
        ATOLL_RELAY_PORT: String(own.relay),
        ATOLL_TOKENS_URL: `http://127.0.0.1:${ports.tokens}`,
        ATOLL_DIAGNOSTICS_SERVER_PORT: String(own.diagnostics),
      },
      `http://127.0.0.1:${own.diagnostics}/readyz`,
    );
    const xds = service(
      `xds-${name}`,
      "xds",
      {
        ATOLL_MULTIZONE_ZONE_NAME: name,
        ATOLL_ZONE_ADDRESS: `grpcs://127.0.0.1:${own.relay}`,
        ATOLL_MULTIZONE_ZONE_TOKEN_FILE: tokenFile,
        ATOLL_DP_SERVER_PORT: String(own.dp),
        ATOLL_DIAGNOSTICS_SERVER_PORT: String(own.xdsDiagnostics),
      },
      `http://127.0.0.1:${own.xdsDiagnostics}/readyz`,
    );
    zones[name] = { name, ports: own, sync, xds, url: `http://127.0.0.1:${own.api}`, dpAddress: `https://localhost:${own.dp}` };
  }

  const stack: Stack = {
    url,
    ports,
    global,
    tokens,
    zones,
    services,
    workDir: options.workDir,
    caFile: (zone) => join(options.workDir, `zone-${zone}`, "tls.crt"),
    close: async () => {
      for (const one of services.toReversed()) await one.stop();
    },
  };
  try {
    say("global");
    await global.start();
    say("token issuer");
    await tokens.start();
    await Promise.all(
      Object.values(zones).map(async (zone) => {
        const token = await requestZoneToken(url, zone.name);
        writeFileSync(join(folder(`zone-${zone.name}`), "zone-token"), token, { mode: 0o600 });
        say(`zone ${zone.name}`);
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

/** Waits for `/readyz`, or for the end of the process, whose output then says why. */
async function ready(name: string, started: StartedProcess, url: string): Promise<void> {
  let ended: number | string | undefined;
  const watch = started.exited.then((status) => (ended = status));
  watch.catch(() => undefined);
  try {
    await eventually(
      async () => {
        if (ended !== undefined) return true;
        return (await fetch(url)).status === 200;
      },
      { limitMs: 60_000, everyMs: 20 },
    );
  } catch (error) {
    await started.stop();
    throw new Error(`${name} is not ready: ${(error as Error).message}; its output:\n${started.output()}`, { cause: error });
  }
  if (ended !== undefined) throw new Error(`${name} ended with ${ended}:\n${started.output()}`);
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
