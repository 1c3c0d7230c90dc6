import { get as getHttp } from "node:http";
import { get as getHttps } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { networkFault } from "../input/network-fault.ts";

export interface WaitOptions {
  url: string;
  /** Between two requests. */
  checkFrequencyMs: number;
  requestTimeoutMs: number;
  timeoutMs: number;
}

/** Asks an Envoy until it answers 200, for scripts that start when their proxy is there. Rejects when that takes too long. */
export async function waitForEnvoy(options: WaitOptions, say: (message: string) => void): Promise<void> {
  const deadline = performance.now() + options.timeoutMs;
  say(`waiting for ${options.url} to be ready`);
  for (;;) {
    await delay(Math.min(options.checkFrequencyMs, Math.max(0, deadline - performance.now())));
    const fault = await readinessFault(options);
    if (fault === undefined) return say("the proxy is ready");
    if (performance.now() >= deadline) throw new Error(`the proxy was not ready within ${options.timeoutMs / 1_000} s: ${fault}`);
    say(`the proxy is not ready: ${fault}`);
  }
}

const readinessFault = ({ url, requestTimeoutMs }: WaitOptions): Promise<string | undefined> =>
  new Promise((resolve) => {
    const get = url.startsWith("https:") ? getHttps : getHttp;
    const request = get(url, { timeout: requestTimeoutMs, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode === 200 ? undefined : `it answers ${response.statusCode}`));
    });
    request.on("timeout", () => request.destroy(new Error(`no answer within ${requestTimeoutMs} ms`)));
    request.on("error", (error) => resolve(networkFault(error)));
  });
