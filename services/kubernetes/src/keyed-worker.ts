import { KeyQueue, type KeyQueueOptions } from "@atoll/kubernetes-client";

/** Works off the keys that what it listens to names, while this process leads. */
export abstract class KeyedWorker {
  readonly queue: KeyQueue;
  /** Of what it listens to. */
  protected readonly ends: (() => void)[] = [];

  constructor(options: KeyQueueOptions) {
    this.queue = new KeyQueue(options);
  }

  /** Writes, from now on: this process leads. */
  start(): void {
    this.queue.start();
  }

  pause(): void {
    this.queue.pause();
  }

  async close(): Promise<void> {
    for (const end of this.ends) end();
    await this.queue.close();
  }
}
