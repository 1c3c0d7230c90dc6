import type { Change } from "./change.ts";

/** What a zone is asked: how its connected proxies differ between two states of the configuration. */
export interface FleetQuestion {
  /** Revision of the first state; absent = now. */
  from?: number;
  /** Revision of the second state; absent = as the first. */
  to?: number;
  /** Made on top of the second state, nowhere else. */
  changes?: Change[];
}

/** One Envoy resource of a proxy, in Envoy's own JSON. Secrets are never among them. */
export interface EnvoyResourceChange {
  /** Last word of its type, such as Cluster. */
  type: string;
  name: string;
  change: "created" | "updated" | "deleted";
  before?: unknown;
  after?: unknown;
}

/** What a change of a proxy's configuration does besides what its resources say. */
export interface ProxyEffects {
  /** Listeners whose connections are drained. */
  drained?: string[];
  /** Secrets that are made anew. */
  certificates?: string[];
  /** Clusters that had endpoints and have none any more, or are gone. */
  unreachable?: string[];
  /** By inbound listener: who was let in and is not any more. */
  denied?: { listener: string; principals: string[] }[];
  /** What Envoy would not take, and why; the rest is served. */
  withheld?: { part: string; reason: string }[];
}

export interface FleetProxy {
  type: "Dataplane" | "ZoneIngress" | "ZoneEgress";
  mesh: string;
  name: string;
}

/** Proxies that change in the same way, to the byte. */
export interface FleetGroup {
  /** Names the change; equal changes have equal keys, also in other zones. */
  key: string;
  proxies: FleetProxy[];
  resources: EnvoyResourceChange[];
  effects: ProxyEffects;
}

export interface FleetAnswer {
  /** Revision of the configuration here when it was asked. */
  revision: number;
  /** Connected proxies that were looked at. */
  proxies: number;
  groups: FleetGroup[];
  /** Proxies that can not be built from the second state, which keep what they have. */
  unbuilt: (FleetProxy & { reason: string })[];
  /** Why some xDS servers did not answer for their proxies. */
  missing?: string[];
}
