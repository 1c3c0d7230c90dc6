import { EmbeddedLog } from "@atoll/event-log";
import { ZoneReplica } from "@atoll/replica";
import { keyString, parseDocument, type Resource, type ResourceDraft } from "@atoll/resource";
import type { Log, ProxyLifecycleOptions } from "../src/index.ts";
import { parseProxyNode, type ProxyNode } from "../src/proxy-node.ts";

export const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A configuration that a test writes document by document. */
export class Config {
  readonly #resources = new Map<string, Resource>();

  put(...documents: object[]): this {
    for (const document of documents) this.putDraft(draft(document));
    return this;
  }

  putDraft(resource: ResourceDraft): void {
    const time = "2026-01-01T00:00:00Z";
    this.#resources.set(keyString(resource), { ...resource, creationTime: time, modificationTime: time, revision: 1 });
  }

  delete(type: string, mesh: string, name: string): void {
    this.#resources.delete(keyString({ type, mesh, name }));
  }

  get<Spec>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.#resources.get(keyString({ type, mesh, name })) as Resource<Spec> | undefined;
  }

  list<Spec>(type: string, mesh?: string): Resource<Spec>[] {
    return [...this.#resources.values()].filter((one) => one.type === type && (mesh ?? one.mesh) === one.mesh) as Resource<Spec>[];
  }
}

export function draft(document: object): ResourceDraft {
  const parsed = parseDocument(document);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  return parsed.resource;
}

/** A zone's log in memory, and one replica's view of it. */
export async function openZone(log?: EmbeddedLog): Promise<{ log: EmbeddedLog; store: ZoneReplica }> {
  const opened = log ?? (await EmbeddedLog.open({ path: ":memory:" }));
  return { log: opened, store: await ZoneReplica.open({ log: opened, zone: "east" }) };
}

export const lifecycleOptions = (store: ZoneReplica, instanceId: string, config: Config): ProxyLifecycleOptions => ({
  zone: "east",
  instanceId,
  config,
  store,
  deregistrationDelayMs: 60,
  insightFlushMs: 5,
  clock: { now: () => new Date() },
  log: quiet,
});

export const dataplane = (name: string, networking: object = {}) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  networking: {
    address: "127.0.0.1",
    inbound: [{ port: 8080, tags: { "kuma.io/service": "web", "kuma.io/protocol": "http" } }],
    ...networking,
  },
});

export const ingress = (name: string) => ({ type: "ZoneIngress", name, networking: { address: "127.0.0.1", port: 10001 } });

/** The node of a proxy that brings this document, or that names a stored one. */
export function nodeOf(document: { type: string; mesh?: string; name: string }, options: { brought?: boolean } = {}): ProxyNode {
  return parseProxyNode(envoyNode(document, options), "2.10.11");
}

const proxyTypes: Record<string, string> = { Dataplane: "dataplane", ZoneIngress: "ingress", ZoneEgress: "egress" };

export function envoyNode(document: { type: string; mesh?: string; name: string }, options: { brought?: boolean } = {}) {
  return {
    id: `${document.mesh ?? ""}.${document.name}`,
    metadata: {
      "dataplane.proxyType": proxyTypes[document.type]!,
      ...(options.brought !== false && { "dataplane.resource": JSON.stringify(document) }),
      "dataplane.admin.port": "9901",
      version: { kumaDp: { version: "2.10.11" } },
    },
  };
}
