import { apiVersion, type KubernetesObject, type ObjectKey, type ObjectKind } from "@atoll/kubernetes";
import { Agent, type Dispatcher, request } from "undici";
import type { ClusterAccess } from "./cluster-access.ts";
import { fieldManager } from "./field-manager.ts";
import { jsonLines } from "./json-lines.ts";
import {
  type KubernetesApi,
  KubernetesError,
  type ListedObjects,
  type PatchOperation,
  type Selection,
  type WatchEvent,
} from "./kubernetes-api.ts";

/** Objects of one answer, as other clients ask for. */
const pageSize = 500;
/** The server ends a watch after so long, and it goes on with another one: between these, so that not all end at once. */
const watchSeconds = { least: 300, most: 600 };
/** A server sends at least a bookmark each minute; one that is silent for longer is not there. */
const silentWatchMs = 150_000;
const answerMs = 60_000;

type Query = Readonly<Record<string, string | undefined>>;

export interface HttpApiOptions {
  readonly access: ClusterAccess;
  /** In [0, 1). */
  readonly random: () => number;
  /** Told of every call, for metrics. */
  readonly onCall?: (call: { verb: string; kind: string; code: number }) => void;
}

/** The API server over HTTP: what Atoll needs of it, and no more. */
export class HttpKubernetesApi implements KubernetesApi {
  readonly #options: HttpApiOptions;
  readonly #agent: Agent;

  constructor(options: HttpApiOptions) {
    this.#options = options;
    const { ca, certificate, key, skipVerify = false } = options.access;
    this.#agent = new Agent({
      connect: { ...(ca !== undefined && { ca }), cert: certificate, key, rejectUnauthorized: !skipVerify },
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
    });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async list(kind: ObjectKind, selection: Selection = {}): Promise<ListedObjects> {
    const items: KubernetesObject[] = [];
    let resourceVersion = "";
    let next: string | undefined;
    do {
      const query: Query = { ...selectors(selection), limit: String(pageSize), continue: next };
      const page = await this.#call("list", kind, "GET", pathOf(kind, selection.namespace), { query });
      const { metadata, items: some = [] } = page as unknown as {
        metadata: { resourceVersion: string; continue?: string };
        items?: readonly KubernetesObject[] | null;
      };
      // Items of a list say neither what they are.
      for (const item of some ?? []) items.push({ ...item, apiVersion: apiVersion(kind), kind: kind.kind });
      resourceVersion = metadata.resourceVersion;
      next = metadata.continue || undefined;
    } while (next !== undefined);
    return { items, resourceVersion };
  }

  async *watch(kind: ObjectKind, options: Selection & { resourceVersion: string; signal: AbortSignal }): AsyncGenerator<WatchEvent> {
    const { least, most } = watchSeconds;
    const query: Query = {
      ...selectors(options),
      watch: "1",
      resourceVersion: options.resourceVersion,
      allowWatchBookmarks: "true",
      timeoutSeconds: String(Math.floor(least + (most - least) * this.#options.random())),
    };
    const { signal } = options;
    const response = await this.#send("watch", kind, "GET", pathOf(kind, options.namespace), { query, signal, bodyTimeout: silentWatchMs });
    try {
      for await (const event of jsonLines(response.body)) yield event as WatchEvent;
    } catch (cause) {
      if (!signal.aborted) throw lost(cause);
    }
  }

  get(kind: ObjectKind, key: ObjectKey): Promise<KubernetesObject> {
    return this.#call("get", kind, "GET", pathOf(kind, key.namespace, key.name));
  }

  create(kind: ObjectKind, object: KubernetesObject): Promise<KubernetesObject> {
    return this.#call("create", kind, "POST", pathOf(kind, object.metadata.namespace), { body: object, query: { fieldManager } });
  }

  replace(kind: ObjectKind, object: KubernetesObject): Promise<KubernetesObject> {
    const { namespace, name } = object.metadata;
    return this.#call("update", kind, "PUT", pathOf(kind, namespace, name), { body: object, query: { fieldManager } });
  }

  apply(kind: ObjectKind, object: KubernetesObject, manager: string = fieldManager): Promise<KubernetesObject> {
    const { namespace, name } = object.metadata;
    return this.#call("apply", kind, "PATCH", pathOf(kind, namespace, name), {
      body: object,
      type: "application/apply-patch+yaml",
      query: { fieldManager: manager, force: "true" },
    });
  }

  merge(kind: ObjectKind, key: ObjectKey, patch: object): Promise<KubernetesObject> {
    return this.#call("patch", kind, "PATCH", pathOf(kind, key.namespace, key.name), {
      body: patch,
      type: "application/merge-patch+json",
      query: { fieldManager },
    });
  }

  patch(kind: ObjectKind, key: ObjectKey, operations: readonly PatchOperation[]): Promise<KubernetesObject> {
    return this.#call("patch", kind, "PATCH", pathOf(kind, key.namespace, key.name), {
      body: operations,
      type: "application/json-patch+json",
      query: { fieldManager },
    });
  }

  setStatus(kind: ObjectKind, key: ObjectKey, status: unknown, { subresource }: { subresource: boolean }): Promise<KubernetesObject> {
    return this.#call("status", kind, "PATCH", `${pathOf(kind, key.namespace, key.name)}${subresource ? "/status" : ""}`, {
      body: [{ op: "add", path: "/status", value: status }],
      type: "application/json-patch+json",
      query: { fieldManager },
    });
  }

  async delete(kind: ObjectKind, key: ObjectKey, { uid }: { uid?: string } = {}): Promise<void> {
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: "Background", ...(uid && { preconditions: { uid } }) };
    await this.#call("delete", kind, "DELETE", pathOf(kind, key.namespace, key.name), { body });
  }

  async served(group: string, version: string): Promise<readonly string[]> {
    const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    try {
      const { resources } = (await this.#call("discover", undefined, "GET", path)) as unknown as { resources: { name: string }[] };
      return resources.map(({ name }) => name);
    } catch (error) {
      if (error instanceof KubernetesError && error.code === 404) return [];
      throw error;
    }
  }

  review(path: string, body: object): Promise<KubernetesObject> {
    return this.#call("review", undefined, "POST", path, { body });
  }

  async #call(verb: string, kind: ObjectKind | undefined, method: Method, path: string, more: More = {}): Promise<KubernetesObject> {
    const { body } = await this.#send(verb, kind, method, path, more);
    try {
      return (await body.json()) as KubernetesObject;
    } catch (cause) {
      throw lost(cause);
    }
  }

  async #send(
    verb: string,
    kind: ObjectKind | undefined,
    method: Method,
    path: string,
    { query = {}, body, type = "application/json", signal, bodyTimeout }: More,
  ): Promise<Dispatcher.ResponseData> {
    const { access, onCall } = this.#options;
    const token = access.token?.();
    let response: Dispatcher.ResponseData;
    try {
      response = await request(`${access.server.replace(/\/$/, "")}${path}`, {
        method,
        dispatcher: this.#agent,
        query: Object.fromEntries(Object.entries(query).filter(([, value]) => value !== undefined)),
        headers: {
          accept: "application/json",
          ...(body !== undefined && { "content-type": type }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signal && { signal }),
        ...(bodyTimeout !== undefined && { bodyTimeout }),
      });
    } catch (cause) {
      onCall?.({ verb, kind: kind?.plural ?? "", code: 0 });
      throw lost(cause);
    }
    onCall?.({ verb, kind: kind?.plural ?? "", code: response.statusCode });
    if (response.statusCode < 300) return response;
    throw await refusal(response);
  }
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

interface More {
  readonly query?: Query;
  readonly body?: object;
  readonly type?: string;
  readonly signal?: AbortSignal;
  readonly bodyTimeout?: number;
}

function pathOf({ group, version, plural, namespaced }: ObjectKind, namespace?: string, name?: string): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const place = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  return `${root}${place}/${plural}${name === undefined ? "" : `/${encodeURIComponent(name)}`}`;
}

const selectors = ({ labelSelector, fieldSelector }: Selection): Query => ({ labelSelector, fieldSelector });

const lost = (cause: unknown): KubernetesError =>
  cause instanceof KubernetesError
    ? cause
    : new KubernetesError(0, "Unreachable", `the API server: ${(cause as Error).message}`, { cause });

async function refusal({ statusCode, body }: Dispatcher.ResponseData): Promise<KubernetesError> {
  const text = await body.text().catch(() => "");
  try {
    const { reason = "", message = text } = JSON.parse(text) as { reason?: string; message?: string };
    return new KubernetesError(statusCode, reason, message);
  } catch {
    return new KubernetesError(statusCode, "", text.trim() || `HTTP ${statusCode}`);
  }
}
