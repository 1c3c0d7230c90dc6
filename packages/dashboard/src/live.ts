import type { FeedChange } from "@atoll/rest-answers";
import { effect, signal } from "@preact/signals";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { request, token } from "./rest.ts";

/** Newest revision that the feed told of; 0 before it did. */
export const revision = signal(0);
export const connection = signal<"connecting" | "live" | "lost">("connecting");
/** Counts what zones observe: proxies that came, went, or are at another revision. */
export const observed = signal(0);
/** Changes since the page was opened, newest first. */
export const news = signal<readonly FeedChange[]>([]);

const mostNews = 50;
const longestRetryMs = 10_000;

/** Keeps the feed open, from where it ended if it was lost. Nothing else on the page asks again and again. */
export function follow(): void {
  let ended = new AbortController();
  effect(() => {
    // Another token is another reader.
    void token.value;
    ended.abort();
    ended = new AbortController();
    void run(ended.signal);
  });
}

async function run(ended: AbortSignal): Promise<void> {
  let position: string | undefined;
  let retryMs = 500;
  while (!ended.aborted) {
    try {
      const headers = { accept: "text/event-stream", ...(position !== undefined && { "last-event-id": position }) };
      const response = await request("/changes?observed=true", { headers, signal: ended });
      if (!response.ok || response.body === null) throw new Error(response.statusText);
      connection.value = "live";
      retryMs = 500;
      const parser = createParser({
        onEvent: (event) => {
          position = event.id ?? position;
          take(event);
        },
      });
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) parser.feed(part.value);
    } catch {
      // Said by `connection`.
    }
    if (ended.aborted) return;
    connection.value = "lost";
    await new Promise((resolve) => setTimeout(resolve, retryMs));
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  }
}

function take({ event, data }: EventSourceMessage): void {
  if (event === "observed") observed.value += 1;
  if (event === "position") revision.value = Math.max(revision.value, (JSON.parse(data) as { revision: number }).revision);
  if (event !== "change") return;
  const change = JSON.parse(data) as FeedChange;
  news.value = [change, ...news.value].slice(0, mostNews);
  revision.value = change.revision;
}
