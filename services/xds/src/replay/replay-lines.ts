import { createHash } from "node:crypto";
import type { SentRecord } from "@atoll/compiler";
import type { Replay, ReplayedConfiguration } from "./replay-log.ts";

/** What one proxy is told anew at a revision: the resources that differ from what it had, as one response after another says them. */
export interface ReplayLine {
  revision: number;
  proxy: string;
  typeUrl: string;
  /** name -> version, or with `bytes` the bytes in base64. */
  resources: Record<string, string>;
  removed: string[];
}

/** All that a proxy has at the end: a hash over type, name and bytes of everything. */
export interface ReplaySum {
  revision: number;
  proxy: string;
  resources: number;
  sha256: string;
}

/** Lines of JSON: what changes for each proxy from revision to revision, then the sum of each. */
export async function* replayLines(replay: Replay, { bytes }: { bytes: boolean }): AsyncGenerator<ReplayLine | ReplaySum> {
  const last = new Map<string, ReplayedConfiguration>();
  for await (const made of replay.configurations()) {
    yield* changesSince(last.get(made.nodeId)?.resources ?? new Map(), made, bytes);
    last.set(made.nodeId, made);
  }
  for (const { revision, nodeId, resources } of last.values()) {
    const all = [...resources.values()].flatMap((ofType) => [...ofType.values()]);
    yield { revision, proxy: nodeId, resources: all.length, sha256: sumOf(all) };
  }
}

type Resources = ReplayedConfiguration["resources"];

function* changesSince(before: Resources, { revision, nodeId, resources }: ReplayedConfiguration, bytes: boolean): Generator<ReplayLine> {
  for (const typeUrl of [...new Set([...before.keys(), ...resources.keys()])].toSorted()) {
    const [had, has] = [before.get(typeUrl), resources.get(typeUrl)];
    const changed = [...(has?.values() ?? [])].filter(({ name, version }) => had?.get(name)?.version !== version);
    const removed = [...(had?.keys() ?? [])].filter((name) => !has?.has(name)).toSorted();
    if (changed.length === 0 && removed.length === 0) continue;
    const named = changed.map((one) => [one.name, bytes ? Buffer.from(one.bytes).toString("base64") : one.version] as const);
    yield { revision, proxy: nodeId, typeUrl, resources: Object.fromEntries(named.toSorted(([a], [b]) => (a < b ? -1 : 1))), removed };
  }
}

function sumOf(resources: readonly { typeUrl: string; name: string; bytes: Uint8Array }[]): string {
  const sum = createHash("sha256");
  const keyed = resources.map((one) => [`${one.typeUrl}\n${one.name}\n${one.bytes.length}\n`, one.bytes] as const);
  for (const [key, bytes] of keyed.toSorted(([a], [b]) => (a < b ? -1 : 1))) sum.update(key).update(bytes);
  return sum.digest("hex");
}

/** Whether what a proxy was sent comes out of the log again. */
export interface ReplayVerdict {
  proxy: string;
  revision: number;
  resources: number;
  /** What does not: type and name, with both versions; undefined = it is not there. */
  different: { typeUrl: string; name: string; sent: string | undefined; replayed: string | undefined }[];
}

/** Compares what was sent with what the log makes of it, each proxy at the revision it was recorded at. */
export async function* replayVerdicts(replay: Replay, sent: SentRecord, proxy?: string): AsyncGenerator<ReplayVerdict> {
  for (const one of sent.proxies) {
    if (proxy !== undefined && one.nodeId !== proxy) continue;
    const resources = await replay.remade(one);
    const different: ReplayVerdict["different"] = [];
    let count = 0;
    for (const typeUrl of new Set([...Object.keys(one.resources), ...resources.keys()])) {
      const [had, has] = [one.resources[typeUrl] ?? {}, resources.get(typeUrl)];
      for (const name of new Set([...Object.keys(had), ...(has?.keys() ?? [])])) {
        count++;
        const [version, replayed] = [had[name], has?.get(name)?.version];
        if (version !== replayed) different.push({ typeUrl, name, sent: version, replayed });
      }
    }
    yield { proxy: one.nodeId, revision: one.revision, resources: count, different };
  }
}
