import { createHash } from "node:crypto";
import { clusterKinds, type KubernetesObject } from "@atoll/kubernetes";
import { isConflict, type KubernetesApi } from "@atoll/kubernetes-client";
import type { ObjectEvent } from "@atoll/kubernetes-controllers";

export interface ObjectEventsOptions {
  readonly api: KubernetesApi;
  /** Where events of objects without a namespace go. */
  readonly systemNamespace: string;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** How many events are remembered, so that they are not told twice. */
const remembered = 10_000;

/**
 * What is told of objects as events, as `kubectl describe` shows them. An event has a name of its content: whoever tells it again, this process or
 * one after it, is answered that it is there, as long as the cluster keeps it (an hour).
 */
export class ObjectEvents {
  readonly #options: ObjectEventsOptions;
  readonly #told = new Set<string>();

  constructor(options: ObjectEventsOptions) {
    this.#options = options;
  }

  async tell({ apiVersion, kind, metadata }: KubernetesObject, { type, reason, message }: ObjectEvent): Promise<void> {
    const { api, systemNamespace, now, onError } = this.#options;
    const content = JSON.stringify([kind, metadata.namespace, metadata.name, metadata.uid, type, reason, message]);
    const id = createHash("sha256").update(content).digest("hex").slice(0, 16);
    if (this.#told.has(id)) return;
    if (this.#told.size >= remembered) this.#told.clear();
    this.#told.add(id);
    const time = new Date(now()).toISOString().replace(/\.\d+/, "");
    const namespace = metadata.namespace ?? systemNamespace;
    const { name, uid, resourceVersion } = metadata;
    try {
      await api.create(clusterKinds.event, {
        apiVersion: "v1",
        kind: "Event",
        metadata: { name: `${name.slice(0, 200)}.${id}`, namespace },
        involvedObject: { apiVersion, kind, name, namespace: metadata.namespace, uid, resourceVersion },
        type,
        reason,
        message: message.slice(0, 1024),
        source: { component: "atoll" },
        firstTimestamp: time,
        lastTimestamp: time,
        count: 1,
      });
    } catch (error) {
      if (isConflict(error)) return;
      this.#told.delete(id);
      onError(error);
    }
  }
}
