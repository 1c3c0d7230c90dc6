import type { KubernetesObject, ObjectKey, ObjectKind } from "@atoll/kubernetes";

/** Which objects of a kind: all, or those of one namespace, or those that a selector of the API server finds. */
export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListedObjects {
  readonly items: readonly KubernetesObject[];
  /** Where a watch goes on. */
  readonly resourceVersion: string;
}

/** `ERROR` carries a Status, `BOOKMARK` an object with nothing but its resourceVersion. https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes */
export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: KubernetesObject & { readonly code?: number; readonly message?: string };
}

export interface PatchOperation {
  readonly op: "add" | "remove" | "replace";
  readonly path: string;
  readonly value?: unknown;
}

/** What Atoll asks of the API server. Every call rejects with `KubernetesError`. */
export interface KubernetesApi {
  list(kind: ObjectKind, selection?: Selection): Promise<ListedObjects>;
  /** What changed since `resourceVersion`, until the server or `signal` ends it. */
  watch(kind: ObjectKind, options: Selection & { resourceVersion: string; signal: AbortSignal }): AsyncIterable<WatchEvent>;
  get(kind: ObjectKind, key: ObjectKey): Promise<KubernetesObject>;
  create(kind: ObjectKind, object: KubernetesObject): Promise<KubernetesObject>;
  /** The whole object; with a resourceVersion only if it is still at that one (otherwise 409). */
  replace(kind: ObjectKind, object: KubernetesObject): Promise<KubernetesObject>;
  /** Server-side apply: the named fields become the manager's, and those it had and does not name go. https://kubernetes.io/docs/reference/using-api/server-side-apply/ */
  apply(kind: ObjectKind, object: KubernetesObject, manager?: string): Promise<KubernetesObject>;
  /** JSON merge patch (RFC 7396); with `metadata.resourceVersion` in it only if the object is still at that one. */
  merge(kind: ObjectKind, key: ObjectKey, patch: object): Promise<KubernetesObject>;
  /** JSON patch (RFC 6902). */
  patch(kind: ObjectKind, key: ObjectKey, operations: readonly PatchOperation[]): Promise<KubernetesObject>;
  /** The whole status: of its own subresource, or a field beside the spec where the kind has none. */
  setStatus(kind: ObjectKind, key: ObjectKey, status: unknown, options: { subresource: boolean }): Promise<KubernetesObject>;
  /** Nothing happens to an object of another uid under this name (409). */
  delete(kind: ObjectKind, key: ObjectKey, options?: { uid?: string }): Promise<void>;
  /** Plurals that the API server has of a group's version; none where it does not know it. */
  served(group: string, version: string): Promise<readonly string[]>;
  /** A virtual kind that is created and answers at once, such as a TokenReview. */
  review(path: string, body: object): Promise<KubernetesObject>;
}

/** An answer of the API server that is no success, or none at all (`code` 0). */
export class KubernetesError extends Error {
  override readonly name = "KubernetesError";
  /** HTTP status. */
  readonly code: number;
  /** As the Status says it: `NotFound`, `AlreadyExists`, `Conflict`, `Invalid`, `Forbidden`, `Expired`. */
  readonly reason: string;

  constructor(code: number, reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.reason = reason;
  }
}

/** Was the object not there? */
export const isNotFound = (error: unknown): boolean => error instanceof KubernetesError && error.code === 404;
/** Is it there already, or of another version or uid than expected? */
export const isConflict = (error: unknown): boolean => error instanceof KubernetesError && error.code === 409;
/** Does the server no longer know what changed since then? */
export const isGone = (error: unknown): boolean => error instanceof KubernetesError && error.code === 410;
