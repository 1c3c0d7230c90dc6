import type { Process } from "./world.ts";

/** Something that is due at a time. */
export interface Event {
  at: number;
  /** Of two at the same time the one that was asked for first comes first. */
  seq: number;
  run: () => void;
  readonly process: Process | undefined;
  cancelled: boolean;
}

const before = (one: Event, other: Event): boolean => one.at < other.at || (one.at === other.at && one.seq < other.seq);

/** A binary heap by time. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #seq = 0;

  add(event: Event): Event {
    event.seq = this.#seq += 1;
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
    return event;
  }

  take(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
