import { type ProxyDocument, type ProxyOptions, requestProxyToken, startProxy } from "@atoll/demo/proxy";
import type { Backends, StackKind } from "@atoll/demo/backends";
import { secondGlobalPorts } from "@atoll/demo/ports";
import { type SampleApp, startSampleApp } from "@atoll/demo/sample-app";
import type { Instance } from "@atoll/demo/service";
import { type Stack, startStack, type StackZone } from "@atoll/demo/stack";
import { claimPorts, type PortRange } from "@atoll/demo/port-range";
import { pathOf, readDocuments, topologyPorts, type TopologyPorts } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import type { StartedProcess } from "@atoll/testkit/process";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { killProxy } from "./envoy.ts";
import { jsonHeaders, rest, type RestAnswer, type RestCall } from "./rest.ts";

export interface TestStackOptions {
  zones?: readonly string[];
  logLevel?: string;
  env?: Record<string, string>;
  /** Variables of every proxy. */
  proxyEnv?: Readonly<Record<string, string>>;
  /** Variables of one zone's services. */
  zoneEnv?: Readonly<Record<string, Record<string, string>>>;
  /** What the settings file of all services says. */
  settings?: object;
  /** Default: what `ATOLL_TEST_STACK` says, or embedded. */
  kind?: StackKind;
  backends?: Backends;
}

export interface ReplicaState {
  revision: number;
  checksum: string;
  resources: number;
}

type Document = Record<string, unknown>;

/** What this run's stacks keep their logs and inventories in, unless a test says otherwise. */
export const stackKind: StackKind = process.env["ATOLL_TEST_STACK"] === "kafka" ? "kafka" : "embedded";

/** Ports one test file takes, from its base on. */
const portsPerFile = 250;

/**
 * A control plane of real processes for one test file: global, the token issuer, and zones with their xDS servers, in a folder of its
 * own. What the tests start through it ends with it. Takes 250 ports from `base` on, which ends in 0.
 */
export class TestStack {
  readonly stack: Stack;
  readonly ports: TopologyPorts;
  readonly proxies = new Map<string, StartedProcess>();
  /** First of its ports. */
  readonly base: number;
  readonly #range: PortRange;
  readonly #folder: Disposable;
  readonly #proxyEnv: Readonly<Record<string, string>>;
  readonly #apps: SampleApp[] = [];
  readonly #ended: StartedProcess[] = [];

  private constructor(range: PortRange, folder: Disposable, stack: Stack, proxyEnv: Readonly<Record<string, string>> = {}) {
    const { base } = range;
    this.#proxyEnv = proxyEnv;
    this.#range = range;
    this.base = base;
    this.#folder = folder;
    this.stack = stack;
    this.ports = topologyPorts(base + 110);
  }

  /** `preferred` is where a file's ports begin, unless something is in the way: then they begin elsewhere. */
  static async start(preferred: number, wanted: TestStackOptions | ((base: number) => TestStackOptions) = {}): Promise<TestStack> {
    const range = await claimPorts({ preferred, ports: (from) => Array.from({ length: portsPerFile }, (_, index) => from + index) });
    const { base } = range;
    const options = typeof wanted === "function" ? wanted(base) : wanted;
    const zones = Object.fromEntries((options.zones ?? ["east", "west"]).map((name, index) => [name, base + 10 * (index + 1)]));
    const folder = scratchFolder();
    try {
      const stack = await startStack({
        workDir: folder.path,
        globalBase: base,
        zones,
        kind: options.kind ?? stackKind,
        backends: options.backends,
        logLevel: options.logLevel ?? "info",
        env: options.env,
        zoneEnv: options.zoneEnv,
        settings: options.settings,
      });
      return new TestStack(range, folder, stack, options.proxyEnv);
    } catch (error) {
      range.release();
      folder[Symbol.dispose]();
      throw error;
    }
  }

  /** One of 30 ports for a test's own use. */
  port(index: number): number {
    if (index < 0 || index >= 30) throw new RangeError(`no port ${index}: a file has 30`);
    return this.base + 220 + index;
  }

  zone(name: string): StackZone {
    const zone = this.stack.zones[name];
    if (zone === undefined) throw new Error(`there is no zone ${name}`);
    return zone;
  }

  /** The documents of a file in `demo/resources`, with this file's ports. */
  documents(name: string): Document[] {
    return readDocuments(name, this.ports);
  }

  document(file: string, name: string, type?: string): Document {
    const found = this.documents(file).find((one) => one["name"] === name && (type === undefined || one["type"] === type));
    if (found === undefined) throw new Error(`no ${name} in ${file}`);
    return found;
  }

  call(path: string, call: RestCall = {}): Promise<RestAnswer> {
    return rest(this.stack.url + path, call);
  }

  /** PUT on global of a document that has to be accepted; answers its revision. */
  async apply(document: Document): Promise<number> {
    const answer = await this.put(document);
    if (answer.status !== 200 && answer.status !== 201)
      throw new Error(`${document["type"]} ${document["name"]}: ${answer.status} ${answer.text}`);
    return answer.revision;
  }

  put(document: Document, headers: Record<string, string> = {}): Promise<RestAnswer> {
    return this.call(pathOf(document), { method: "PUT", headers: { ...jsonHeaders, ...headers }, body: JSON.stringify(document) });
  }

  /** DELETE on global; answers its revision. */
  async remove(document: Document): Promise<number> {
    const answer = await this.call(pathOf(document), { method: "DELETE" });
    if (answer.status !== 200) throw new Error(`DELETE ${document["type"]} ${document["name"]}: ${answer.status} ${answer.text}`);
    return answer.revision;
  }

  async startApp(name: string, port: number): Promise<SampleApp> {
    const app = await startSampleApp(name, port);
    this.#apps.push(app);
    return app;
  }

  token(zone: string, document: Document): Promise<string> {
    return requestProxyToken(this.stack, zone, document as unknown as ProxyDocument);
  }

  /** Starts `atoll-dp` with its Envoy; under `as` in `proxies`, or the document's name. */
  async startProxy(zone: string, document: Document, options: ProxyOptions & { as?: string } = {}): Promise<StartedProcess> {
    const started = await startProxy(this.stack, this.zone(zone), document as unknown as ProxyDocument, {
      ...options,
      env: { ...this.#proxyEnv, ...options.env },
    });
    const name = options.as ?? (document["name"] as string);
    const before = this.proxies.get(name);
    if (before !== undefined) this.#ended.push(before);
    this.proxies.set(name, started);
    return started;
  }

  proxy(name: string): StartedProcess {
    const proxy = this.proxies.get(name);
    if (proxy === undefined) throw new Error(`there is no proxy ${name}`);
    return proxy;
  }

  killProxy(name: string): Promise<void> {
    return killProxy(this.proxy(name));
  }

  async stopProxy(name: string): Promise<void> {
    await this.proxy(name).stop(15_000);
  }

  /** Everything of the sample application: apps, meshes, gateways and all proxies. */
  async startSample(): Promise<void> {
    await this.startApp("orders", this.ports.ordersPort);
    await this.startApp("ledger", this.ports.ledgerPort);
    await this.startApp("quotes", this.ports.quotesPort);
    for (const document of [...this.documents("meshes"), ...this.documents("gateways")]) await this.apply(document);
    for (const side of ["west", "east"]) for (const document of this.documents(side)) await this.startProxy(side, document);
  }

  /** Revision and checksum a service is at, from its debug server: the least that any of its instances is at. */
  async replica(service: "global" | `zone-${string}` | `xds-${string}`): Promise<ReplicaState> {
    const states = await Promise.all(
      this.#diagnosticsOf(service).map(async (port) => (await rest(`http://127.0.0.1:${port}/debug/replica`)).json<ReplicaState>()),
    );
    const sorted = states.toSorted((a, b) => a.revision - b.revision);
    const divided = sorted.find(({ revision, checksum }) => revision === sorted[0]!.revision && checksum !== sorted[0]!.checksum);
    if (divided) throw new Error(`instances of ${service} differ at revision ${divided.revision}`);
    return sorted[0]!;
  }

  #diagnosticsOf(service: string): readonly number[] {
    const [kind, zone] = service.split("-");
    if (kind === "zone") return [this.zone(zone!).ports.diagnostics];
    if (kind === "xds") return this.zone(zone!).xdsDiagnostics;
    const { instances } = this.stack.global;
    return instances.length > 1 ? [this.stack.ports.diagnostics, secondGlobalPorts(this.base).diagnostics] : [this.stack.ports.diagnostics];
  }

  /** Waits until all instances of a service have folded this revision. */
  reaches(service: "global" | `zone-${string}` | `xds-${string}`, revision: number): Promise<ReplicaState> {
    return eventually(
      async () => {
        const state = await this.replica(service);
        if (state.revision < revision) throw new Error(`${service} is at revision ${state.revision}, not ${revision}`);
        return state;
      },
      { limitMs: 10_000 },
    );
  }

  /** Waits until every live Envoy has acknowledged this revision, as global tells it. */
  async applied(revision: number): Promise<void> {
    await eventually(
      async () => {
        const status = (await this.call(`/revisions/${revision}/status`)).json<{ done: boolean }>();
        if (!status.done) throw new Error(`not applied everywhere: ${JSON.stringify(status)}`);
        return true;
      },
      { limitMs: 15_000, everyMs: 20 },
    );
  }

  /**
   * Every configuration that an Envoy rejected in this run, by all xDS servers that ran: their counters, what their streams hold as
   * rejected now, and what earlier processes logged. A run with any has failed, whatever else it showed.
   */
  async nacks(): Promise<string[]> {
    const found: string[] = [];
    for (const { xds, xdsDiagnostics } of Object.values(this.stack.zones)) {
      for (const [index, instance] of xds.instances.entries()) {
        for (const line of instance.outputs().split("\n"))
          if (line.includes("Envoy rejected a configuration")) found.push(`${instance.name}: ${line}`);
        if (!this.#runs(instance)) continue;
        const diagnostics = `http://127.0.0.1:${xdsDiagnostics[index]}`;
        const { text } = await rest(`${diagnostics}/metrics`);
        for (const line of text.split("\n"))
          if (line.startsWith("atoll_nacks_total") && !line.endsWith(" 0")) found.push(`${instance.name}: ${line}`);
        const streams = (await rest(`${diagnostics}/debug/streams`)).json<
          { nodeId: string; types: { typeUrl: string; rejected: string[] }[] }[]
        >();
        for (const { nodeId, types } of streams)
          for (const { typeUrl, rejected } of types)
            if (rejected.length > 0) found.push(`${instance.name}: ${nodeId} rejects ${typeUrl} ${rejected.join(", ")}`);
      }
    }
    return found;
  }

  /** What all processes of this run wrote: services and proxies, running and ended. */
  allOutput(): string {
    const proxies = [...this.#ended, ...this.proxies.values()].map((one) => one.output());
    return [...this.stack.services.map((one) => one.outputs()), ...proxies].join("\n");
  }

  async close(): Promise<void> {
    try {
      await Promise.all([...this.proxies.values()].map((proxy) => proxy.stop(6_000)));
      await this.stack.close();
      await Promise.all(this.#apps.map((app) => app.close()));
    } finally {
      this.#folder[Symbol.dispose]();
      this.#range.release();
    }
  }

  #runs(instance: Instance): boolean {
    try {
      process.kill(instance.process.pid, 0);
      return true;
    } catch {
      return false;
    }
  }
}
