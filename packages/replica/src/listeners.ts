/** A set of listeners. One that throws is reported and does not keep the others from being called. */
export class Listeners<Event> {
  readonly #listeners = new Set<{ call: (event: Event) => void }>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void = () => {}) {
    this.#onError = onError;
  }

  /** Returns the function that removes it again. */
  add(listener: (event: Event) => void): () => void {
    const entry = { call: listener };
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  send(event: Event): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener.call(event);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
