import { isIPv6 } from "node:net";
import { request } from "node:http";
import { hostAndPort } from "@atoll/resource";
import { parseMetrics } from "./prometheus-text.ts";
import type { MetricFamily } from "./prometheus-text.ts";

/** Something on this machine that tells its metrics. */
export interface MetricsSource {
  name: string;
  address: string;
  port: number;
  /** With the query. */
  path: string;
}

const limitMs = 10_000;
const sizeLimitBytes = 64 * 1024 * 1024;

/**
 * Reads a source. `passing`: the host sends connections through Envoy, which must not get hold of this one. Rejects with what is wrong with
 * the answer.
 */
export async function scrape(source: MetricsSource, passing: boolean): Promise<MetricFamily[]> {
  const { address, port, path } = source;
  const localAddress = passing ? (isIPv6(address) ? "::6" : "127.0.0.6") : undefined;
  const headers = { accept: "text/plain;version=0.0.4;q=1,*/*;q=0.1", host: hostAndPort(address, port) };
  const answer = await getText({ host: address, port, path, headers, ...(localAddress && { localAddress }) });
  if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
  return parseMetrics(answer.text);
}

/** A GET over a connection of its own. */
export function getText(to: {
  host?: string;
  port?: number;
  socketPath?: string;
  path: string;
  headers?: Record<string, string>;
  localAddress?: string;
}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const get = request({ ...to, agent: false, signal: AbortSignal.timeout(limitMs) }, (response) => {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes > sizeLimitBytes) get.destroy(new Error(`its answer is longer than ${sizeLimitBytes} bytes`));
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
      response.on("error", reject);
    });
    get.on("error", reject);
    get.end();
  });
}
