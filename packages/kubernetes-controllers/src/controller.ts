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
  /**
   * Objects that should exist with these fields, as server-side apply has it: what others set beside them (the API server's defaults, users, autoscalers)
   * stays, and what an earlier run named and this one does not is taken away. They carry what makes them owned (owner reference or label). What `owns`
   * says belongs to the reconciled object and is not named here is deleted. An object of such a kind that is there under the same name and belongs to
   * somebody else is left alone, with a Warning event on the reconciled object.
   */
  readonly objects: readonly KubernetesObject[];
  /** Owned objects that stay as they are, whatever an earlier run made of them. */
  readonly kept?: readonly KubernetesObject[];
  /** The new `status` of the reconciled object, whole, if the controller keeps one. */
  readonly status?: unknown;
  /** The finalizers of the reconciled object, all of them, if the controller keeps some. */
  readonly finalizers?: readonly string[];
  readonly events?: readonly ObjectEvent[];
}

/** A kind whose objects a controller makes. */
export interface OwnedKind {
  readonly kind: ObjectKind;
  /** Which of the reconciled objects it was made for, if for any: by its controller reference, or by a label where owner and owned are not in one namespace. */
  ownerOf(object: KubernetesObject): ObjectKey | undefined;
}

/** One level-triggered loop, without side effects: everything it wants follows from what the view shows at that moment. */
export interface Controller {
  readonly name: string;
  readonly reconciles: ObjectKind;
  /** Changes of their objects reconcile the owner; those of an owner that is gone are deleted, for the cluster's own collector knows references alone. */
  readonly owns: readonly OwnedKind[];
  /** Other kinds whose changes matter, and which of its own objects each such change concerns. A change calls it with what was there before and with what is there now. */
  readonly watches: readonly {
    readonly kind: ObjectKind;
    concerns(changed: KubernetesObject, cluster: ClusterView): Iterable<ObjectKey>;
  }[];
  /** Nothing to do with this object: undefined. */
  reconcile(object: KubernetesObject, cluster: ClusterView): Desired | undefined;
}
