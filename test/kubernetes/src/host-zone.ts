import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "@atoll/testkit/kafka-jars";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import type { Cluster } from "./cluster.ts";

export interface HostZoneOptions {
  name: string;
  globalAddress: string;
  tokens: { zone: string; zoneProxies: string; dataplanes: string };
}

interface ProxyDocument {
  type?: string;
  mesh?: string;
  name: string;
  networking: object;
}

/** Ports of the host that the zone and its proxies use. */
const ports = { ingress: 10_001, egress: 10_002, ingressAdmin: 19_901, egressAdmin: 19_902, readiness: 19_911 };

/** A universal zone on a host beside a cluster's node, with its ingress and egress. */
export class HostZone {
  readonly #cluster: Cluster;
  readonly #options: HostZoneOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), "atoll-host-zone-"));
  readonly #processes: StartedProcess[] = [];

  private constructor(cluster: Cluster, options: HostZoneOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  static async start(cluster: Cluster, options: HostZoneOptions): Promise<HostZone> {
    const zone = new HostZone(cluster, options);
    try {
      await zone.#start();
    } catch (error) {
      const said = zone.output();
      await zone.stop();
      throw new Error(`${(error as Error).message}\n${said}`, { cause: error });
    }
    return zone;
  }

  get address(): string {
    return this.#cluster.plan.nodeAddress;
  }

  /** A proxy for what the document says. */
  async sidecar(document: ProxyDocument): Promise<void> {
    await this.#proxy("dataplane", { type: "Dataplane", mesh: "default", ...document }, this.#options.tokens.dataplanes);
  }

  /** An application that answers HTTP with its own name. */
  async application(name: string, port: number): Promise<void> {
    const server = `require("http").createServer((_, answer) => answer.end(${JSON.stringify(name)})).listen(${port}, () => console.log("listens"))`;
    await this.#run([process.execPath, "-e", server], /listens/);
  }

  /** What the host gets at a port of its loopback: status and text. */
  async ask(port: number): Promise<{ status: number; text: string }> {
    const script = `fetch("http://127.0.0.1:${port}/").then(async (answer) => console.log(JSON.stringify({ status: answer.status, text: await answer.text() })))`;
    const asked = await this.#run([process.execPath, "-e", script]);
    await asked.exited;
    return JSON.parse(asked.output()) as { status: number; text: string };
  }

  output(): string {
    return this.#processes.map((one) => one.output().slice(-3_000)).join("\n---\n");
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.toReversed().map((one) => one.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const { name, globalAddress, tokens } = this.#options;
    const settings = {
      general: { workDir: join(this.#folder, "work") },
      multizone: { zone: { name, globalAddress, tokenFile: this.#file("zone.token", tokens.zone), kds: { tlsSkipVerify: true } } },
      diagnostics: { serverPort: 0 },
    };
    const file = this.#file("zone.yaml", JSON.stringify(settings));
    await this.#run([...bundled("atoll"), "run", "zone", "--with", "xds", "-c", file], /xDS server is ready/);
    const { address } = this;
    const ingress = { address, port: ports.ingress, advertisedAddress: address, advertisedPort: ports.ingress };
    const networking = (own: object, adminPort: number) => ({ networking: { ...own, admin: { port: adminPort } } });
    const [ofIngress, ofEgress] = [`ingress-${name}`, `egress-${name}`];
    await this.#proxy("ingress", { type: "ZoneIngress", name: ofIngress, ...networking(ingress, ports.ingressAdmin) }, tokens.zoneProxies);
    const egress = { address, port: ports.egress };
    await this.#proxy("egress", { type: "ZoneEgress", name: ofEgress, ...networking(egress, ports.egressAdmin) }, tokens.zoneProxies);
  }

  async #proxy(proxyType: string, document: ProxyDocument, token: string): Promise<void> {
    const flags = [
      ["--cp-address", "https://127.0.0.1:5678"],
      ["--ca-cert-file", join(this.#folder, "work", "tls.crt")],
      ["--proxy-type", proxyType],
      ["--dataplane-file", this.#file(`${document.name}.yaml`, JSON.stringify(document))],
      ["--dataplane-token-file", this.#file(`${document.name}.token`, token)],
      ["--dns-enabled", "false"],
    ];
    const command = [...bundled("atoll-dp"), "run", ...flags.map(([flag, value]) => `${flag}=${value}`)];
    // All of them are on one host.
    await this.#run(["env", `KUMA_READINESS_PORT=${ports.readiness + this.#processes.length}`, ...command]);
  }

  async #run(command: readonly string[], readyWhen?: RegExp): Promise<StartedProcess> {
    const [enter, ...args] = [...this.#cluster.besideNode, ...command] as [string, ...string[]];
    const started = await startProcess(enter, args, { ...(readyWhen && { readyWhen, readyLimitMs: 60_000 }) });
    this.#processes.push(started);
    return started;
  }

  #file(name: string, text: string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }
}

const bundled = (name: string): string[] => [
  process.execPath,
  "--disable-warning=ExperimentalWarning",
  join(repositoryRoot(), "build", `${name}.js`),
];
