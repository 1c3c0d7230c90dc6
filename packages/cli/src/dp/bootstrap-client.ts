import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { networkFault } from "../input/network-fault.ts";
import type { DpOptions } from "./options.ts";

/** A proxy that is to stop waits no longer than this for a control plane that does not answer. */
const leaveLimitMs = 8_000;

export interface BootstrapAnswer {
  /** Envoy's bootstrap configuration, YAML. */
  bootstrap: string;
  networkingAddress: string;
  isTransparent: boolean;
  /** For CoreDNS, in place of the one that comes with this program. */
  corefileTemplate: string | undefined;
  /** Whose metrics are told beside Envoy's by the `metrics` of the mesh. */
  aggregate: { name: string; address: string; port: number; path: string }[];
}

/** The control plane refused the request, or is none that proxies connect to: trying again can't help. */
export class BootstrapRefused extends Error {
  override readonly name = "BootstrapRefused";
}

export interface BootstrapRetry {
  backoffMs: number;
  maxDurationMs: number;
  signal: AbortSignal;
  onRetry(reason: string): void;
}

/**
 * Asks `POST /bootstrap`, and again while the control plane is unreachable, answers 5xx, or does not know the dataplane yet
 * (404). Rejects with `BootstrapRefused` for any other answer.
 */
export async function fetchBootstrap(cp: URL, caPem: string | undefined, body: unknown, retry: BootstrapRetry): Promise<BootstrapAnswer> {
  const deadline = performance.now() + retry.maxDurationMs;
  for (;;) {
    let reason: string;
    try {
      const { status, text } = await post(new URL("/bootstrap", cp), caPem, JSON.stringify(body), retry.signal);
      if (status === 200) return decode(text);
      if (status === 404) {
        reason =
          text.trim() === ""
            ? "the control plane does not know this dataplane yet"
            : `${cp.href} is not a dataplane server: is it the API port? ${rightPort}`;
      } else if (/ALPN|allowHTTP1/.test(text)) {
        throw new BootstrapRefused(`${cp.href} speaks gRPC alone: it is the port of registration or of a relay. ${rightPort}`);
      } else if (status >= 500) {
        reason = `the control plane answered ${status}`;
      } else {
        throw new BootstrapRefused(`Invalid request: ${text.trim() || `status ${status}`}`);
      }
    } catch (error) {
      if (error instanceof BootstrapRefused || retry.signal.aborted) throw error;
      reason = whyNoAnswer(cp, error);
    }
    if (performance.now() > deadline) throw new Error(`no bootstrap configuration within ${retry.maxDurationMs / 1000} s: ${reason}`);
    retry.onRetry(reason);
    await delay(retry.backoffMs, undefined, { signal: retry.signal });
  }
}

const rightPort = "A zone's xDS server listens on 5678";

function whyNoAnswer(cp: URL, error: unknown): string {
  const fault = networkFault(error);
  const advice = /certificate/.test(fault)
    ? "; --ca-cert-file has to be tls.crt of the xDS server, or the CA of its certificate"
    : /port right|closed the connection/.test(fault)
      ? `. ${rightPort}, with TLS`
      : "";
  return `cannot talk to ${cp.origin}: ${fault}${advice}`;
}

function decode(text: string): BootstrapAnswer {
  try {
    return decodeAnswer(text);
  } catch {
    throw new BootstrapRefused(`what is at the address answers with no bootstrap configuration: is it a dataplane server? ${rightPort}`);
  }
}

function decodeAnswer(text: string): BootstrapAnswer {
  const { bootstrap, kumaSidecarConfiguration } = JSON.parse(text) as {
    bootstrap: string;
    kumaSidecarConfiguration: {
      networking: { address: string; isUsingTransparentProxy?: boolean; corefileTemplate?: string | null };
      metrics?: { aggregate?: BootstrapAnswer["aggregate"] | null };
    };
  };
  const { address, isUsingTransparentProxy = false, corefileTemplate } = kumaSidecarConfiguration.networking;
  return {
    bootstrap: Buffer.from(bootstrap, "base64").toString("utf8"),
    networkingAddress: address,
    isTransparent: isUsingTransparentProxy,
    aggregate: kumaSidecarConfiguration.metrics?.aggregate ?? [],
    corefileTemplate: corefileTemplate ? Buffer.from(corefileTemplate, "base64").toString("utf8") : undefined,
  };
}

/** Tells the control plane that the proxy is about to stop, so that nobody calls it any more. Rejects with the reason if it was not heard. */
export async function announceLeave(options: DpOptions): Promise<void> {
  const { cpAddress, caCertPem, mesh, name, proxyType, tokenPath } = options;
  // It may have been replaced since this process began.
  const token = tokenPath === "" ? options.token : readFileSync(tokenPath, "utf8").trim();
  const body = JSON.stringify({ mesh, name, proxyType });
  const credential = token === "" ? {} : { authorization: `Bearer ${token}` };
  const { status, text } = await post(new URL("/leave", cpAddress), caCertPem, body, AbortSignal.timeout(leaveLimitMs), credential);
  if (status !== 200) throw new Error(`it answered ${status} ${text.trim()}`.trim());
}

function post(
  url: URL,
  caPem: string | undefined,
  body: string,
  signal: AbortSignal,
  credential: { authorization?: string } = {},
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = {
      method: "POST",
      timeout: 10_000,
      signal,
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
        ...credential,
      },
    };
    const request =
      url.protocol === "https:"
        ? requestHttps(url, { ...options, ...(caPem ? { ca: caPem } : { rejectUnauthorized: false }) })
        : requestHttp(url, options);
    request.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") }));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 10 s")));
    request.on("error", reject);
    request.end(body);
  });
}
