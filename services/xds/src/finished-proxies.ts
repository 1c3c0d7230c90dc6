import type { ZoneReplica } from "@atoll/replica";
import { isFinished, parseKeyString } from "@atoll/resource";

export interface FinishedProxiesOptions {
  resources: Pick<ZoneReplica, "get" | "list" | "watch">;
  /** Whether the proxy's Envoy has a configuration from this process. Before that its admin listener is not there. */
  isServed(mesh: string, name: string): boolean;
  /** Tells its Envoy to end. */
  quit(proxy: { type: "Dataplane"; mesh: string; name: string }): Promise<unknown>;
  /** Runs something later: a call that failed is made again. */
  later(run: () => void): void;
  onQuit(name: string): void;
  onError(error: Error, name: string): void;
}

interface Finished {
  readonly type: "Dataplane";
  readonly mesh: string;
  readonly name: string;
  isAsked: boolean;
}

/**
 * Ends the proxies whose workload has ended, as with a Job on Kubernetes: a label of their Dataplane says so, and whoever serves them asks
 * their Envoy, once. A call that fails is made again.
 */
export class FinishedProxies {
  readonly #options: FinishedProxiesOptions;
  readonly #finished = new Map<string, Finished>();
  readonly #unwatch: () => void;

  constructor(options: FinishedProxiesOptions) {
    this.#options = options;
    for (const { mesh, name } of options.resources.list("Dataplane")) this.#note(mesh, name);
    this.#unwatch = options.resources.watch(({ keys }) => {
      for (const { type, mesh, name } of keys.map(parseKeyString)) if (type === "Dataplane") this.#note(mesh, name);
    });
  }

  /** Proxies may have come. */
  check(): void {
    for (const finished of this.#finished.values()) this.#end(finished);
  }

  close(): void {
    this.#unwatch();
  }

  #note(mesh: string, name: string): void {
    const key = `${mesh}/${name}`;
    if (!isFinished(this.#options.resources.get("Dataplane", mesh, name)?.labels)) {
      this.#finished.delete(key);
      return;
    }
    const finished = this.#finished.get(key) ?? { type: "Dataplane", mesh, name, isAsked: false };
    this.#finished.set(key, finished);
    this.#end(finished);
  }

  #end(finished: Finished): void {
    const { isServed, quit, later, onQuit, onError } = this.#options;
    const { type, mesh, name } = finished;
    if (finished.isAsked || !isServed(mesh, name)) return;
    finished.isAsked = true;
    quit({ type, mesh, name }).then(
      () => onQuit(name),
      (error: unknown) => {
        onError(error as Error, name);
        later(() => {
          finished.isAsked = false;
          if (this.#finished.get(`${mesh}/${name}`) === finished) this.#end(finished);
        });
      },
    );
  }
}
