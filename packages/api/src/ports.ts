import type { ChangeSet, DecidedState, ResourceReader, Verdict } from "@atoll/replica";
import type { FleetAnswer, FleetQuestion, KeyString, ResourceDraft, ResourceKey, Violation, ZoneInsightSpec } from "@atoll/resource";
import type { InventoryEntry, InventoryIngress } from "@atoll/inventory";
import type { IssuedToken, TokenKind, TokenRequest } from "@atoll/token";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AccessRules, User } from "./access.ts";
import type { Problem } from "./problem.ts";

/** How far the proxies of one zone are: `applied` is the minimum over its live proxies, null without any. */
export interface AppliedRevision {
  applied: number | null;
  proxies: number;
}

/** The folded configuration and the way to change it. */
export interface ConfigStore extends ResourceReader {
  readonly revision: number;
  /** Resolves when this process has folded the record. Rejects with `LogError` when the log does not take it. */
  submit(changeSet: ChangeSet): Promise<Verdict>;
  /** Resolves when this process has folded everything that any process was told is written. Rejects with `LogError` if it cannot tell. */
  reachHead(): Promise<void>;
  /** What the log holds of the history, both ends included. */
  changeSets(fromRevision: number, toRevision: number): Promise<readonly RevisionRecord[]>;
  /** The newest revision that the log took by then; 0 before the first. Rejects with `HistoryError` where the log no longer reaches back that far. */
  revisionAt(timeMs: number): Promise<number>;
  /** Called after a change is visible here. Returns the unsubscribe function. */
  watch(listener: () => void): () => void;
  /** The configuration as it was. Rejects with `HistoryError` where the log does not reach back that far. */
  at(revision: number): Promise<DecidedState>;
  /** What a pinned zone has in place of what is here. */
  heldFor: DecidedState["heldFor"];
}

export interface RevisionRecord {
  revision: number;
  changeSet: ChangeSet;
  verdict: Verdict;
}

/** A zone's own log: Dataplanes, zone proxies and their insights. */
export interface ZoneStore extends ResourceReader {
  put(draft: ResourceDraft): Promise<unknown>;
  delete(key: ResourceKey): Promise<unknown>;
}

/** The logs of the zones as global sees them. */
export interface ZoneReaders {
  /** Sorted names of the zones whose logs are read. */
  names(): readonly string[];
  reader(zone: string): ResourceReader | undefined;
}

/** What zones can serve, for `ZoneIngress.availableServices`, which is never stored. */
export interface InventoryReader {
  zones(): readonly string[];
  entries(zone: string): readonly InventoryEntry[];
  ingresses(zone: string): readonly InventoryIngress[];
}

export interface Certificates {
  /** A new CA for a mesh. `expirationMs` absent = ten years. */
  createCa(options: { mesh: string; rsaBits?: number; expirationMs?: number }): Promise<{ certPem: string; keyPem: string }>;
  /** Why a pair can not serve as a mesh's CA; fields are relative to the backend's `conf`. */
  checkCa(pair: { certPem: string; keyPem: string }): Violation[] | Promise<Violation[]>;
}

/** Signs tokens, here or elsewhere. The request passed the checks that need no key. Answers the token, or why there is none. */
export type TokenIssuer = <K extends TokenKind>(
  kind: K,
  request: TokenRequest<K>,
  author: string,
) => Promise<{ token: string } | { problem: Problem }>;

export type ProxyKey = { type: "Dataplane" | "ZoneIngress" | "ZoneEgress"; zone: string; mesh: string; name: string };
/** What Envoy answers, or (`explain`, `config`) what the xDS server that serves it does. */
export type ProxyAdminQuery =
  | { subject: "config-dump"; includeEds: boolean }
  | { subject: "explain"; revision?: number }
  | { subject: "config"; shadow: boolean; revision?: number }
  | { subject: "stats" | "clusters"; format: "text" | "json" };

/** A fault of something, and how many proxies of a zone go without it. */
export interface WithheldFault {
  /** In words, from the inside out. */
  part: string;
  kind: string;
  /** Envoy's words. */
  reason: string;
  /** `Type/mesh/name` of what it is made from. */
  resources: string[];
  proxies: number;
  /** Some of the proxies. */
  examples: string[];
}

/** Live inspection of proxies, in this zone or through the session of theirs. */
export interface Proxies {
  /** Rejects with an `ApiError` or any error; its message is shown. */
  inspect(proxy: ProxyKey, query: ProxyAdminQuery): Promise<string | Uint8Array>;
  /** How a zone's connected proxies would differ between two states of the configuration. Rejects with the reason. Absent: not known. */
  fleet?(zone: string, question: FleetQuestion): Promise<FleetAnswer>;
  /** Revision Envoy has acknowledged, by zone: minimum over its live proxies; null = no live proxy. */
  appliedRevisions(): Readonly<Record<string, AppliedRevision>>;
  /** What is withheld from proxies because their Envoys would not take it, by zone. */
  withheld?(): Readonly<Record<string, WithheldFault[]>>;
  /** How many connected proxies have a token that this signing key signed. Absent: not known. */
  tokenHolders?(signingKey: KeyString): number;
  /** Calls when `appliedRevisions` may answer something else than before. Returns the unsubscribe function. */
  watchApplied(listener: () => void): () => void;
}

export interface ApiSettings {
  mode: "global" | "zone";
  /** Name of this zone; mode zone only. */
  zone?: string;
  localhostIsAdmin: boolean;
  /** Nothing but the address makes an admin of whoever connects from the loopback. */
  localhostByAddressAlone?: boolean;
  /** Refuses every write. */
  readOnly: boolean;
  /** Path all routes live under. */
  basePath?: string;
  clusterId: () => string;
  instanceId: string;
  hostname: string;
  /** What clients compare with their own: `kumactl` wants a product and version it knows. */
  product?: string;
  version?: string;
  /** Where the files of the web page are; it is served at `/gui`. Absent: there is none. */
  gui?: { folder: string };
  /** The effective settings, secrets masked; shown by /config. */
  shownConfig: unknown;
  issueTokens: Readonly<Record<TokenKind, boolean>>;
  /** Absent: secrets and tokens are for admins, the rest for everyone. */
  access?: AccessRules;
  /** What makes somebody of a caller: user tokens, or a verified client certificate, which makes an admin. Absent: tokens. */
  authentication?: "tokens" | "adminClientCerts";
  /** Origins whose pages may read answers and, as anybody, write; `.*` = every one. Absent: none. */
  corsAllowedDomains?: readonly string[];
  /** Deletes without looking for what still uses the resource. */
  unsafeDelete: boolean;
  /** Creates `allow-all-<mesh>` and `route-all-<mesh>` with a mesh. */
  createMeshRoutingResources: boolean;
}

/** Watches requests, for metrics and traces. */
export interface Requests {
  /** Called before the server has any hook. */
  watch(app: FastifyInstance): void;
  /** Names the trace a request belongs to, if it is recorded. */
  traceId(request: FastifyRequest): string | undefined;
}

/** Who, from where, asked for what, and why it was refused; never what they showed for it. */
export interface RefusedRequest {
  user: string;
  from: string | undefined;
  method: string;
  path: string;
  status: 401 | 403;
  reason: string;
}

/** What of Envoy's a text in a ProxyTemplate is; a `resource` names its own type. */
export type NativeTarget = "cluster" | "listener" | "networkFilter" | "httpFilter" | "virtualHost" | "resource";

export interface ApiOptions {
  settings: ApiSettings;
  config: ConfigStore;
  /** Mode global. */
  zones?: ZoneReaders;
  /** Mode zone. */
  zoneStore?: ZoneStore;
  /** Mode zone: policies of other zones about their services, under the names that they have here. */
  producerPolicies?: ResourceReader;
  /** Calls with the kinds of which something changed in what zones say: proxies, what is observed of them. Returns the unsubscribe function. */
  watchObserved?: (listener: (types: ReadonlySet<string>) => void) => () => void;
  inventory: InventoryReader;
  /** Spec of a zone's ZoneInsight, kept by whoever holds its session. */
  zoneInsight?: (zone: string) => ZoneInsightSpec | undefined;
  /** Replaces `data` of a secret by its sealed form. */
  seal: (draft: ResourceDraft) => ResourceDraft;
  /** The reverse, base64; undefined = this process may not open it. */
  reveal: (secret: ResourceKey & { spec: unknown }) => string | undefined;
  certificates: Certificates;
  /**
   * Why the text of a ProxyTemplate (YAML or JSON) is no such thing of Envoy's; undefined if it is one. A `patch` need not be whole.
   * Absent: texts are taken as they are.
   */
  nativeFault?: (target: NativeTarget, text: string, patch: boolean) => Promise<string | undefined>;
  issueToken: TokenIssuer;
  /** Every token that was issued. Absent: this process keeps no account of them. */
  issuedTokens?: () => Promise<readonly IssuedToken[]>;
  /** Verifies a user token; rejects if it is not good. */
  verifyUserToken: (token: string) => Promise<User>;
  proxies?: Proxies;
  /** What roll-outs that run wait for, by name. Absent: nobody here takes them further. */
  rolloutWaits?: () => Readonly<Record<string, readonly string[]>>;
  /** Milliseconds since the epoch. */
  now: () => number;
  newId: () => string;
  requests?: Requests;
  /** Told of every request that is refused for who makes it. */
  onRefused?: (refusal: RefusedRequest) => void;
  /** Unexpected failures, which the client only sees as 500. */
  onError?: (error: unknown, call: { method: string; path: string }) => void;
}
