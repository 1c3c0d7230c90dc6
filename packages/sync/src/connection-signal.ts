import { Listeners } from "@atoll/replica";
import type { UpstreamConnection } from "./zone-sync.ts";

/** An `UpstreamConnection` that is told: `set(true)` at each sign of life of the session, `set(false)` when it ends. */
export class ConnectionSignal implements UpstreamConnection {
  readonly #listeners = new Listeners<boolean>();
  #connected = false;

  get connected(): boolean {
    return this.#connected;
  }

  set(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    this.#listeners.send(connected);
  }

  watch(listener: (connected: boolean) => void): () => void {
    return this.#listeners.add(listener);
  }
}
