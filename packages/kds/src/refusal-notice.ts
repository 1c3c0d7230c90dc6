/** Whether the other side refuses this process for good: for its readiness, and for whoever waits to be let in. */
export class RefusalNotice {
  /** Never resolves. Rejects at the first refusal. */
  readonly refused: Promise<never>;
  readonly #refused = Promise.withResolvers<never>();
  #because: string | undefined;

  constructor() {
    this.refused = this.#refused.promise;
    this.refused.catch(() => undefined);
  }

  /** Why; undefined while this process is let in, or not yet refused. */
  get because(): string | undefined {
    return this.#because;
  }

  /** `because` says what that means meanwhile. */
  refuse(because: string, error: Error): void {
    this.#because = because;
    this.#refused.reject(error);
  }

  letIn(): void {
    this.#because = undefined;
  }
}
