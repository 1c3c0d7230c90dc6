import type { KubernetesObject, ObjectKey, ObjectKind } from "@atoll/kubernetes";
import type { Resource } from "@atoll/resource";

/** What a controller may look at: the cluster's objects as the watches last saw them, and the resources that the log holds. Reading is free of calls. */
export interface ClusterView {
  object(kind: ObjectKind, key: ObjectKey): KubernetesObject | undefined;
  objects(kind: ObjectKind, namespace?: string): Iterable<KubernetesObject>;
  resources(type: string, mesh?: string): Iterable<Resource>;
}

/** An event on an object, as `kubectl describe` shows it. */
export interface ObjectEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** What has to hold for one object of the controller's kind. Whoever runs controllers compares it with what is there and writes the difference only. */
export interface Desired {
  /** Objects that should exist with at least these fields. What an earlier run owned (same controller owner) and this one does not name is deleted. */
  readonly objects: readonly KubernetesObject[];
  /** The new `status` of the reconciled object, if the controller keeps one. */
  readonly status?: unknown;
  readonly events?: readonly ObjectEvent[];
}

/** One level-triggered loop, without side effects: everything it wants follows from what the view shows at that moment. */
export interface Controller {
  readonly name: string;
  readonly reconciles: ObjectKind;
  /** Kinds whose objects it makes, for finding what is no longer wanted. */
  readonly owns: readonly ObjectKind[];
  /** Other kinds whose changes matter, and which of its own objects each such change concerns. */
  readonly watches: readonly {
    readonly kind: ObjectKind;
    concerns(changed: KubernetesObject, cluster: ClusterView): Iterable<ObjectKey>;
  }[];
  /** Nothing to do with this object: undefined. */
  reconcile(object: KubernetesObject, cluster: ClusterView): Desired | undefined;
}
