import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EmbeddedLog, topics } from "@atoll/event-log";
import { startKdsServer, zoneAccess } from "@atoll/kds";
import { ConfigReplica, ZoneReplica, type Change } from "@atoll/replica";
import { parseDocument } from "@atoll/resource";
import { createLogger, version, type Logger } from "@atoll/runtime";
import { SealingKey } from "@atoll/secret";
import { scratchFolder, selfSignedPair } from "@atoll/testkit";
import { startXds, xdsSettings } from "../src/index.ts";

export const quiet: Logger = createLogger("test", "silent");

/** A zone's sync service as its xDS servers see it: the zone's log behind a relay, and a configuration to write. */
export class ZoneUnderTest implements AsyncDisposable {
  readonly log: EmbeddedLog;
  readonly config: ConfigReplica;
  readonly resources: ZoneReplica;
  readonly folder = scratchFolder();
  readonly sealingKey = SealingKey.generate();
  readonly #pair = selfSignedPair();
  #relay: Awaited<ReturnType<typeof startKdsServer>> | undefined;
  #relayPort = 0;
  readonly #xds = new Set<{ close(): Promise<void> }>();

  private constructor(log: EmbeddedLog, config: ConfigReplica, resources: ZoneReplica) {
    this.log = log;
    this.config = config;
    this.resources = resources;
  }

  static async start(): Promise<ZoneUnderTest> {
    const log = await EmbeddedLog.open({ path: ":memory:" });
    await log.ensureTopic({ name: topics.config, cleanup: "keep" });
    await log.ensureTopic({ name: topics.configSnapshots, cleanup: "compact" });
    await log.ensureTopic({ name: topics.inventory("east"), cleanup: "compact" });
    const zone = new ZoneUnderTest(log, await ConfigReplica.open({ log }), await ZoneReplica.open({ log, zone: "east" }));
    const { path } = zone.folder;
    writeFileSync(join(path, "tls.crt"), zone.#pair.certificatePem);
    writeFileSync(join(path, "tls.key"), zone.#pair.privateKeyPem);
    await zone.startRelay();
    return zone;
  }

  get caPem(): string {
    return this.#pair.certificatePem;
  }

  async startRelay(): Promise<void> {
    this.#relay = await startKdsServer({
      host: "127.0.0.1",
      port: this.#relayPort,
      tls: { certificate: this.#pair.certificatePem, key: this.#pair.privateKeyPem },
      log: this.log,
      allows: zoneAccess("east"),
      verify: async () => ({ zone: "east" }),
      onlyZone: "east",
      version: version.kuma,
      instanceId: "zone-east",
      clusterId: () => "cluster",
      sealingKey: () => this.sealingKey,
      progress: () => ({ revision: this.config.revision, checksum: this.config.checksum() }),
      heartbeatIntervalMs: 1_000,
    });
    this.#relayPort = this.#relay.port;
  }

  async stopRelay(): Promise<void> {
    await this.#relay?.close();
    this.#relay = undefined;
  }

  async apply(...documents: object[]): Promise<void> {
    const changes = documents.map((document): Change => {
      const parsed = parseDocument(document);
      if (!parsed.ok) throw new Error(JSON.stringify(parsed));
      return { op: "put", resource: parsed.resource };
    });
    const verdict = await this.config.submit({ id: randomUUID(), at: new Date().toISOString(), author: "test", changes, expect: [] });
    if (!verdict.accepted) throw new Error(JSON.stringify(verdict));
  }

  /** Of an xDS server whose proxies need no tokens. Ports: any that are free, unless given. */
  xdsSettings(
    instanceId: string,
    { port = 0, diagnostics = 0, xds = {} }: { port?: number; diagnostics?: number; xds?: object } = {},
  ): object {
    return {
      general: {
        workDir: this.folder.path,
        instanceId,
        tlsCertFile: join(this.folder.path, "tls.crt"),
        tlsKeyFile: join(this.folder.path, "tls.key"),
      },
      multizone: { zone: { name: "east", token: "a.b.c" } },
      zone: { address: `grpcs://127.0.0.1:${this.#relayPort}` },
      dpServer: { interface: "127.0.0.1", port, authn: { dpProxy: { type: "none" }, zoneProxy: { type: "none" } } },
      xds: { dataplaneDeregistrationDelayMs: 300, replicaBeatIntervalMs: 20, replicaMissedBeats: 5, ...xds },
      diagnostics: { serverInterface: "127.0.0.1", serverPort: diagnostics },
    };
  }

  /** Ends with the zone. */
  async startXds(instanceId: string, xds: object = {}): Promise<{ port: number; close(): Promise<void> }> {
    const started = await startXds(xdsSettings.parse(this.xdsSettings(instanceId, { xds })), quiet);
    this.#xds.add(started);
    return started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#xds) await one.close();
    await this.stopRelay();
    await this.config.close();
    await this.resources.close();
    await this.log.close();
    this.folder[Symbol.dispose]();
  }
}
