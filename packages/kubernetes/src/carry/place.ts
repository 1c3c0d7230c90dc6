import { type Kind, isWrittenOnBothSides, label } from "@atoll/resource";
import type { KubernetesObject } from "../kubernetes-object.ts";

/** Where a cluster stands: a zone of a global elsewhere, global itself, or both in one (a zone that runs alone). */
export interface Place {
  readonly mode: "zone" | "global" | "standalone";
  /** Its name; "" on global. */
  readonly zone: string;
  readonly systemNamespace: string;
}

/** Which log a cluster's objects are carried into: the configuration, or the zone's own. */
export type Home = "config" | "zone";

const inZones = new Set(["Dataplane", "ZoneIngress", "ZoneEgress", "MeshService"]);

/** Where what a cluster writes of a kind belongs; undefined: it is written elsewhere, or by control planes alone. */
export function homeOf(kind: Kind, { mode }: Place): Home | undefined {
  if (kind.readOnly || kind.internal) return undefined;
  if (inZones.has(kind.type)) return mode === "global" ? undefined : "zone";
  if (mode !== "zone") return kind.writableOn.global ? "config" : undefined;
  return kind.writableOn.zone && (kind.plugin || isWrittenOnBothSides(kind)) ? "zone" : undefined;
}

/** Is the object a copy of what the other side has? */
export function isCopy({ metadata }: KubernetesObject, { mode }: Place): boolean {
  const origin = metadata.labels?.[label.origin];
  return mode === "zone" ? origin === "global" : mode === "global" && origin === "zone";
}

/** Environment of what objects of a cluster are carried into: its resources end with their objects, and others do not. */
export const environment = "kubernetes";

/** Was the resource carried from an object? */
export const isCarried = ({ labels }: { labels?: Readonly<Record<string, string>> }): boolean => labels?.[label.env] === environment;
