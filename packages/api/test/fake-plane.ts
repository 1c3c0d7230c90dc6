import { createHmac, randomUUID } from "node:crypto";
import { type ChangeSet, ConfigState, ResourceTable, type ResourceReader, type Verdict, fold } from "@atoll/replica";
import type { Resource, ResourceDraft, ZoneInsightSpec } from "@atoll/resource";
import type { LogError } from "@atoll/event-log";
import type { InjectOptions } from "fastify";
import { type ApiOptions, type ConfigStore, type RevisionRecord, createApi } from "../src/index.ts";

/** A configuration folded in memory, by the real fold. */
export class FakeConfig implements ConfigStore {
  readonly state = new ConfigState();
  readonly records: RevisionRecord[] = [];
  readonly #listeners = new Set<() => void>();
  /** Run once before the next submit, as another writer would. */
  before: (() => Promise<unknown>) | undefined;
  failure: LogError | undefined;
  /** What others have written and this process has yet to fold; folded by `reachHead`. */
  behind: (() => Promise<unknown>) | undefined;

  get revision(): number {
    return this.state.revision;
  }
  get<Spec>(type: string, mesh: string, name: string): Resource<Spec> | undefined {
    return this.state.get(type, mesh, name);
  }
  list<Spec>(type: string, mesh?: string): readonly Resource<Spec>[] {
    return this.state.list(type, mesh);
  }
  async submit(changeSet: ChangeSet): Promise<Verdict> {
    if (this.failure !== undefined) throw this.failure;
    const { before } = this;
    this.before = undefined;
    await before?.();
    const revision = this.revision + 1;
    const outcome = fold(this.state, { revision, changeSet: structuredClone(changeSet) });
    this.state.apply(revision, outcome);
    this.records.push({ revision, changeSet, verdict: outcome.verdict });
    for (const listener of this.#listeners) listener();
    return outcome.verdict;
  }
  async reachHead(): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    const { behind } = this;
    this.behind = undefined;
    await behind?.();
  }
  async revisionAt(timeMs: number): Promise<number> {
    return this.records.findLast(({ changeSet }) => Date.parse(changeSet.at) <= timeMs)?.revision ?? 0;
  }
  watch(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  /** Streams that are open. */
  get watchers(): number {
    return this.#listeners.size;
  }
  heldFor(zone: string): ReturnType<ConfigState["heldFor"]> {
    return this.state.heldFor(zone);
  }
  async at(revision: number): Promise<ConfigState> {
    const state = new ConfigState();
    for (const { revision: at, changeSet } of this.records) {
      if (at <= revision) state.apply(at, fold(state, { revision: at, changeSet: structuredClone(changeSet) }));
    }
    return state;
  }
  async changeSets(from: number, to: number): Promise<RevisionRecord[]> {
    return this.records.filter(({ revision }) => revision >= from && revision <= to);
  }
}

export class FakeZoneStore extends ResourceTable {
  async put(draft: ResourceDraft): Promise<void> {
    const existing = this.get(draft.type, draft.mesh, draft.name);
    this.set({ ...draft, creationTime: existing?.creationTime ?? time, modificationTime: time, revision: 0 });
  }
  override delete(key: Parameters<ResourceTable["delete"]>[0]): never {
    return super.delete(key) as never;
  }
}

export const time = "2026-01-02T03:04:05.000Z";

/** Stands in for sealing: what is stored differs from what was written and is opened only here. */
const seal = (draft: ResourceDraft): ResourceDraft => {
  if (draft.type !== "Secret" && draft.type !== "GlobalSecret") return draft;
  const { data = "" } = draft.spec as { data?: string };
  return { ...draft, spec: { sealed: Buffer.from(data).toString("hex"), mac: createHmac("sha256", "k").update(data).digest("hex") } };
};

export interface Plane {
  config: FakeConfig;
  zones: Map<string, FakeZoneStore>;
  zoneStore: FakeZoneStore;
  zoneInsights: Map<string, ZoneInsightSpec>;
  issued: unknown[];
  errors: unknown[];
  request(line: string, body?: unknown, options?: InjectOptions): Promise<Reply>;
}

export interface Reply {
  status: number;
  headers: Record<string, unknown>;
  text: string;
  body: any; // oxlint-disable-line typescript/no-explicit-any -- answers of every shape
}

type Overrides = { settings?: Partial<ApiOptions["settings"]> } & Partial<Omit<ApiOptions, "settings">>;

/** Options of an API whose parts are all in memory, and those parts. */
export function planeOptions(overrides: Overrides = {}) {
  const config = new FakeConfig();
  const zones = new Map<string, FakeZoneStore>();
  const zoneStore = new FakeZoneStore();
  const zoneInsights = new Map<string, ZoneInsightSpec>();
  const issued: unknown[] = [];
  const errors: unknown[] = [];
  const { settings, ...rest } = overrides;
  const options: ApiOptions = {
    settings: {
      mode: "global",
      localhostIsAdmin: true,
      readOnly: false,
      clusterId: () => "cluster",
      instanceId: "host-1234",
      hostname: "host",
      shownConfig: { mode: "global", store: { password: "*****" } },
      issueTokens: { dataplane: true, zone: true, user: true },
      unsafeDelete: false,
      createMeshRoutingResources: false,
      ...settings,
    },
    config,
    zones: { names: () => [...zones.keys()].toSorted(), reader: (zone): ResourceReader | undefined => zones.get(zone) },
    zoneStore,
    inventory: { zones: () => [], entries: () => [], ingresses: () => [] },
    zoneInsight: (zone) => zoneInsights.get(zone),
    seal,
    reveal: ({ spec }) => {
      const { sealed, data } = spec as { sealed?: string; data?: string };
      return sealed === undefined ? data : Buffer.from(sealed, "hex").toString();
    },
    certificates: {
      createCa: async ({ mesh }) => ({ certPem: `cert of ${mesh}`, keyPem: `key of ${mesh}` }),
      checkCa: ({ certPem }) => (certPem === "bad" ? [{ field: "cert[0]", reason: "not a CA" }] : []),
    },
    issueToken: async (kind, request, author) => {
      issued.push({ kind, request, author });
      return { token: "header.payload.signature" };
    },
    verifyUserToken: async (token) => {
      if (token === "admin-token") return { name: "jane", groups: ["mesh-system:admin"] };
      if (token === "user-token") return { name: "john", groups: ["team-a"] };
      throw new Error("not a good token");
    },
    now: () => Date.parse(time),
    newId: randomUUID,
    onError: (error) => errors.push(error),
    ...rest,
  };
  return { options, config, zones, zoneStore, zoneInsights, issued, errors };
}

export function createPlane(overrides: Overrides = {}): Plane {
  const { options, ...parts } = planeOptions(overrides);
  const api = createApi(options);
  return {
    ...parts,
    async request(line, body, options = {}) {
      const [method = "", url = ""] = line.split(" ");
      const payload = body === undefined ? undefined : typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const headers = { ...(payload !== undefined && { "content-type": "application/json" }), ...options.headers };
      const reply = await api.inject({ remoteAddress: "127.0.0.1", ...options, method: method as "GET", url, payload, headers });
      const isJson = String(reply.headers["content-type"]).startsWith("application/json");
      return { status: reply.statusCode, headers: reply.headers, text: reply.body, body: isJson ? JSON.parse(reply.body) : reply.body };
    },
  };
}

export const timeout = (name: string, mesh = "default", more: object = {}) => ({
  type: "Timeout",
  mesh,
  name,
  sources: [{ match: { "kuma.io/service": "x" } }],
  destinations: [{ match: { "kuma.io/service": "y" } }],
  conf: { connectTimeout: "1.500s" },
  ...more,
});

export const mesh = (name: string, more: object = {}) => ({ type: "Mesh", name, skipCreatingInitialPolicies: ["*"], ...more });

export const dataplane = (name: string, more: object = {}) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  networking: { address: "10.0.0.1", inbound: [{ port: 8080, tags: { "kuma.io/service": "web" } }] },
  ...more,
});

/** A global with the mesh `default`. */
export async function planeWithMesh(overrides?: Parameters<typeof createPlane>[0]): Promise<Plane> {
  const plane = createPlane(overrides);
  const { status, text } = await plane.request("PUT /meshes/default", mesh("default"));
  if (status !== 201) throw new Error(`mesh: ${status} ${text}`);
  return plane;
}
