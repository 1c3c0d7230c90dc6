import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { remadeConfiguration, type SentProxy, type SentRecord } from "@atoll/compiler";
import { proxyTypes, resourceTypeOf } from "@atoll/dp-server";
import { ArchiveError, archiveFileLines, checkArchive, EmbeddedLog, restoreArchive, topics } from "@atoll/event-log";
import { MemoryInventory } from "@atoll/inventory";
import { ConfigReplica, inEffectAt, joinWatched, ZoneReplica, type WatchedReader } from "@atoll/replica";
import { nodeIdOf } from "@atoll/resource";
import { InventoryFeed, liveInventory, ProducerPolicies } from "@atoll/sync";
import type { EncodedResource } from "@atoll/xds";
import { readYaml } from "@atoll/yaml";
import { zoneConfiguration } from "../decided-configuration.ts";

export interface ReplayRequest {
  /** What `atoll log export` wrote. */
  file: string;
  zone: string;
  /** Id of one proxy, as `mesh.name`, `ingress:name` or `egress:name`. Default: all that the zone's log has. */
  proxy?: string | undefined;
  /** The first revision whose configuration is made. Default: the last. */
  from?: number | undefined;
  /** The last one. Default: that of the file. */
  until?: number | undefined;
  /** What an xDS server of the zone said it had sent. */
  sent?: SentRecord | undefined;
}

/** What one proxy is told at one revision. */
export interface ReplayedConfiguration {
  revision: number;
  nodeId: string;
  /** typeUrl -> name -> resource. */
  resources: ReadonlyMap<string, ReadonlyMap<string, EncodedResource>>;
}

/** What is made anew of the log: the configuration of a proxy at any revision. */
export interface Replay {
  /** The newest revision of the file. */
  revision: number;
  /** Every proxy's configuration at each revision of the request, revision by revision. */
  configurations(): AsyncGenerator<ReplayedConfiguration>;
  /** That of one recorded proxy at its revision. */
  remade(sent: SentProxy): Promise<ReplayedConfiguration["resources"]>;
  close(): Promise<void>;
}

/**
 * Puts the file into a log of its own, in a temporary folder, and makes from it what proxies are told. What zones say of themselves and of
 * others counts as the file has it, for their topics hold the newest only. @throws ArchiveError where the file is none, or lacks the zone.
 */
export async function openReplay(request: ReplayRequest): Promise<Replay> {
  const { file, zone, sent } = request;
  if (!existsSync(file)) throw new ArchiveError(`${file} does not exist`);
  const summary = await checkArchive(archiveFileLines(file));
  if (!summary.topics.includes(topics.zone(zone))) throw new ArchiveError(`${file} has nothing of zone ${zone}`);
  if (sent && sent.zone !== zone) throw new ArchiveError(`what was sent is of zone ${sent.zone}, not of ${zone}`);
  const folder = mkdtempSync(join(tmpdir(), "atoll-replay-"));
  const closing: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const one of closing.splice(0).toReversed()) await one();
  };
  try {
    const log = await EmbeddedLog.open({ path: join(folder, "log.sqlite") });
    closing.push(() => log.close());
    await restoreArchive(archiveFileLines(file), log, { asCopy: true });
    const stop = new AbortController();
    const follow = { log, signal: stop.signal, onError: () => {} };
    const config = await ConfigReplica.open(follow);
    const resources = await ZoneReplica.open({ ...follow, zone });
    const inventory = new MemoryInventory();
    const feed = await InventoryFeed.open({ ...follow, config, inventory, zone });
    closing.push(
      () => config.close(),
      () => resources.close(),
      () => feed.close(),
      () => stop.abort(),
    );
    const state: ReplayState = {
      zone,
      config,
      resources,
      ofZones: joinWatched(resources, new ProducerPolicies(zone, feed, follow.onError)),
      inventory: liveInventory(inventory, feed),
      sent,
    };
    return {
      revision: config.revision,
      configurations: () => configurations(state, request),
      remade: async (one) => (await madeAt(state, one.revision))(one) ?? new Map(),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface ReplayState {
  zone: string;
  config: ConfigReplica;
  resources: ZoneReplica;
  ofZones: WatchedReader;
  inventory: ReturnType<typeof liveInventory>;
  sent: SentRecord | undefined;
}

async function* configurations(state: ReplayState, request: ReplayRequest): AsyncGenerator<ReplayedConfiguration> {
  const { until = state.config.revision, from = until, proxy } = request;
  if (until > state.config.revision) throw new ArchiveError(`the file ends with revision ${state.config.revision}`);
  const proxies = proxiesOf(state).filter(({ nodeId }) => proxy === undefined || nodeId === proxy);
  if (proxies.length === 0) throw new ArchiveError(`zone ${state.zone} has no proxy${proxy === undefined ? "" : ` ${proxy}`} in the file`);
  for (let revision = from; revision <= until; revision++) {
    const made = await madeAt(state, revision);
    for (const one of proxies) yield { revision, nodeId: one.nodeId, resources: made(one) ?? new Map() };
  }
}

type Known = Omit<SentProxy, "revision" | "resources">;

/** Those that were recorded, and those that the zone's log has. */
function proxiesOf({ resources, sent }: ReplayState): Known[] {
  const known = new Map<string, Known>();
  for (const type of proxyTypes)
    for (const { mesh, name } of resources.list(resourceTypeOf[type])) {
      const nodeId = nodeIdOf({ proxyType: type, mesh, name });
      known.set(nodeId, { nodeId, proxy: { type, mesh, name }, failedSecrets: [], refusals: {} });
    }
  for (const one of sent?.proxies ?? []) known.set(one.nodeId, one);
  return [...known.values()].toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
}

async function madeAt({ zone, config, resources, ofZones, inventory, sent }: ReplayState, revision: number) {
  const state = await config.at(revision);
  return ({ nodeId, ...known }: Known): ReplayedConfiguration["resources"] | undefined => {
    const inputs = {
      zone,
      config: zoneConfiguration(inEffectAt(zone, state, nodeId), revision, ofZones),
      zoneResources: resources,
      inventory,
    };
    const options = {
      parseYaml: readYaml,
      addresses: { get: (host: string) => addressOf(host, sent) },
      certificateKeyType: (mesh: string, secret: string) => sent?.keyTypes[`${mesh}/${secret}`],
    };
    return remadeConfiguration(inputs, options, known);
  };
}

const addressOf = (host: string, sent: SentRecord | undefined): string | undefined =>
  isIP(host) ? host : host === "localhost" ? "127.0.0.1" : sent?.hosts[host];
