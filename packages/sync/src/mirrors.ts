import { Backoff, LogError, type MirrorLog, mirrorTopic, pause } from "@atoll/event-log";
import { ForeignSourceError } from "./foreign-source-error.ts";
import { withParts } from "./with-parts.ts";

export interface MirrorStatus {
  topic: string;
  /** "across": from the zone's writer to another of its sync services. */
  direction: "down" | "up" | "across";
  caughtUp: boolean;
  /** Why it does not go on at present. */
  trouble?: string;
  /** It never will, as the other side is another log than the copy was made from. */
  foreign?: true;
}

export interface MirrorRun {
  topic: string;
  direction: MirrorStatus["direction"];
  from: MirrorLog;
  to: MirrorLog;
  signal: AbortSignal;
  /** See `MirrorTopicOptions`. */
  term?: number | undefined;
  replaceBecause?: string | undefined;
  onCaughtUp?: () => void;
}

/** The copying that a zone's sync service does now, and how it goes. */
export class Mirrors {
  readonly #onError: (error: unknown) => void;
  readonly #running = new Set<MirrorStatus>();

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  status(): MirrorStatus[] {
    return [...this.#running];
  }

  /** What the source had when the copying of the topic began is here. */
  isCaughtUp(topic: string): boolean {
    return [...this.#running].some((one) => one.topic === topic && one.caughtUp);
  }

  /** Keeps a copy until the signal aborts, whatever becomes of the other side meanwhile. */
  async run({ topic, direction, from, to, signal, term, replaceBecause, onCaughtUp }: MirrorRun): Promise<void> {
    const status = this.track(topic, direction);
    const backoff = new Backoff({ firstMs: 200, maxMs: 30_000 });
    const distant = direction === "up" ? to : from;
    const noticed = withParts(distant, {
      describe: async (name) => {
        const description = await distant.describe(name);
        this.note(status, undefined);
        return description;
      },
    });
    while (!signal.aborted) {
      try {
        await mirrorTopic({
          topic,
          from: direction === "up" ? from : noticed,
          to: direction === "up" ? noticed : to,
          signal,
          ...(term === undefined ? {} : { term }),
          ...(replaceBecause === undefined ? {} : { replaceBecause }),
          onCaughtUp: () => {
            backoff.reset();
            status.caughtUp = true;
            onCaughtUp?.();
          },
          onInterrupted: (error) => this.note(status, error),
        });
      } catch (error) {
        if (signal.aborted) break;
        this.note(status, error as Error);
        if (error instanceof LogError && error.code === "closed") break;
        await pause(backoff.next(), signal);
      }
    }
    this.#running.delete(status);
  }

  track(topic: string, direction: MirrorStatus["direction"]): MirrorStatus {
    const status: MirrorStatus = { topic, direction, caughtUp: false };
    this.#running.add(status);
    return status;
  }

  /** Reports a trouble when it begins or becomes another, not at every attempt. */
  note(status: MirrorStatus, error: Error | undefined): void {
    const trouble = error?.message;
    if (trouble !== undefined && trouble !== status.trouble) {
      this.#onError(new Error(`${status.topic} is not mirrored ${status.direction}: ${trouble}`, { cause: error }));
    }
    if (trouble === undefined) delete status.trouble;
    else status.trouble = trouble;
    if (error instanceof ForeignSourceError) status.foreign = true;
    else delete status.foreign;
  }
}
