import RequestQueue from "kafkajs/src/network/requestQueue/index.js";

/**
 * kafkajs 2.2.4 looks for requests that it held back, under throttling by a broker, with a timer that it sets again and again without a
 * reason: every connection wakes the process a thousand times a second, and Node warns of a negative timeout. With this, it looks
 * only when something is held back.
 */
export function letKafkaJsIdle(): void {
  const look = RequestQueue.prototype.scheduleCheckPendingRequests;
  if (look.name === "lookIfHeldBack") return;
  RequestQueue.prototype.scheduleCheckPendingRequests = function lookIfHeldBack(this: RequestQueue): void {
    if (this.pending.length > 0) look.call(this);
  };
}
