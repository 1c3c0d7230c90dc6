import { randomUUID } from "node:crypto";
import type { StackKind } from "@atoll/demo/backends";
import { Client } from "undici";
import { withStack } from "./bench-stack.ts";
import { monotonicMs } from "./clock.ts";
import { bareKafka, durableAppends } from "./floors.ts";

export interface WritesOptions {
  stack: StackKind;
  /** That write at once, each with one request under way. */
  clients: number;
  seconds: number;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface WritesResult {
  stack: StackKind;
  clients: number;
  acknowledged: number;
  seconds: number;
  /** Of each acknowledged write. */
  durationsMs: number[];
  floors: { durableAppendMs: number[]; bareKafkaMs: number[] };
}

const resources = 1_000;
const warmUpMs = 2_000;

/** Writes policies on global as fast as it acknowledges them: each a PUT of one resource, durable and folded when it is answered. */
export async function measureWrites(options: WritesOptions): Promise<WritesResult> {
  const { clients, seconds, signal, onProgress } = options;
  return withStack({ zones: [], kind: options.stack, onProgress }, async ({ stack }) => {
    onProgress(`${clients} clients write for ${seconds} s`);
    const durationsMs: number[] = [];
    const began = monotonicMs() + warmUpMs;
    const end = began + seconds * 1_000;
    const write = async (number: number): Promise<void> => {
      const client = new Client(stack.url);
      try {
        for (let turn = number; monotonicMs() < end; turn += clients) {
          signal.throwIfAborted();
          const name = `write-${turn % resources}`;
          const sentAt = monotonicMs();
          const { statusCode, body } = await client.request({
            method: "PUT",
            path: `/meshes/default/timeouts/${name}`,
            headers: { "content-type": "application/json" },
            body: timeout(name),
          });
          const text = await body.text();
          if (statusCode !== 200 && statusCode !== 201) throw new Error(`the write was refused: ${statusCode} ${text}`);
          const answeredAt = monotonicMs();
          if (answeredAt >= began && answeredAt < end) durationsMs.push(answeredAt - sentAt);
        }
      } finally {
        await client.close();
      }
    };
    await Promise.all(Array.from({ length: clients }, (_, number) => write(number)));
    const bytes = timeout("write-1").length;
    return {
      stack: options.stack,
      clients,
      acknowledged: durationsMs.length,
      seconds,
      durationsMs,
      floors: {
        durableAppendMs: durableAppends(stack.workDir, 300, bytes),
        bareKafkaMs: stack.brokers === undefined ? [] : await bareKafka(stack.brokers, 300, bytes),
      },
    };
  });
}

/** Never twice the same, so that each write is a change. */
function timeout(name: string): string {
  return JSON.stringify({
    type: "Timeout",
    mesh: "default",
    name,
    sources: [{ match: { "kuma.io/service": name } }],
    destinations: [{ match: { "kuma.io/service": randomUUID() } }],
    conf: { connectTimeout: "5s" },
  });
}
