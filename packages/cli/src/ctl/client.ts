import { readFileSync } from "node:fs";
import { type IncomingMessage, type OutgoingHttpHeaders, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { version } from "@atoll/runtime/version";
import { fileError } from "@atoll/yaml";
import { networkFault } from "../input/network-fault.ts";
import type { ApiServer } from "./config-file.ts";
import { CtlError } from "./ctl-error.ts";

export interface ApiAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

export interface CallOptions {
  body?: unknown;
  /** How long the answer may take beyond the usual, because the control plane was asked to wait. */
  waitMs?: number;
}

/** Nobody answers at the address, or not in time. */
export class UnreachableError extends CtlError {}

const usualTimeoutMs = 60_000;

/** Talks to the REST API of a control plane. */
export class ApiClient {
  readonly #server: ApiServer;
  readonly #timeoutMs: number;

  /** `timeoutMs` 0 = none. */
  constructor(server: ApiServer, timeoutMs: number = usualTimeoutMs) {
    this.#server = server;
    this.#timeoutMs = timeoutMs;
  }

  /** Rejects with `UnreachableError` when there is no answer. */
  async call(method: string, path: string, { body, waitMs = 0 }: CallOptions = {}): Promise<ApiAnswer> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#request(method, path, this.#headers(payload), waitMs, payload);
    return { status: response.statusCode ?? 0, headers: response.headers, text: await textOf(response) };
  }

  /** A 2xx answer that comes bit by bit; rejects with what the control plane said otherwise. Without a sign of life it ends as a silent call does. */
  async open(method: string, path: string, headers: Readonly<Record<string, string>>): Promise<AsyncIterable<string>> {
    const response = await this.#request(method, path, { ...this.#headers(undefined), ...headers }, 0);
    const status = response.statusCode ?? 0;
    if (status < 200 || status > 299)
      throw new CtlError(describeProblem({ status, headers: response.headers, text: await textOf(response) }));
    return response.setEncoding("utf8") as AsyncIterable<string>;
  }

  /** Parsed body of a 2xx answer; rejects with what the control plane said otherwise. */
  async json<T>(method: string, path: string, options?: CallOptions): Promise<T> {
    const text = await this.text(method, path, options);
    return (text === "" ? {} : JSON.parse(text)) as T;
  }

  /** Text of a 2xx answer. */
  async text(method: string, path: string, options?: CallOptions): Promise<string> {
    const answer = await this.call(method, path, options);
    if (answer.status < 200 || answer.status > 299) throw new CtlError(describeProblem(answer));
    return answer.text;
  }

  #request(method: string, path: string, headers: OutgoingHttpHeaders, waitMs: number, payload?: string): Promise<IncomingMessage> {
    const url = new URL(this.#server.url.replace(/\/+$/, "") + path);
    const timeout = this.#timeoutMs === 0 ? 0 : this.#timeoutMs + waitMs;
    const options = { method, timeout, headers };
    return new Promise((resolve, reject) => {
      const call = url.protocol === "https:" ? requestHttps(url, { ...options, ...this.#tls() }) : requestHttp(url, options);
      call.on("response", resolve);
      call.on("timeout", () => call.destroy(new Error(`no answer within ${timeout / 1000} s`)));
      call.on("error", (error) => reject(new UnreachableError(`cannot reach ${url.origin}: ${networkFault(error)}`)));
      call.end(payload);
    });
  }

  #headers(payload: string | undefined): Record<string, string | number> {
    const { authType, authConf, headers = [] } = this.#server;
    return {
      accept: "application/json",
      "user-agent": `atollctl/${version.atoll}`,
      ...(payload !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
      ...(authType === "tokens" && authConf?.["token"] !== undefined && { authorization: `Bearer ${authConf["token"]}` }),
      ...Object.fromEntries(headers.map(({ key, value }) => [key.toLowerCase(), value])),
    };
  }

  #tls(): object {
    const { skipVerify, caCertFile, clientCertFile, clientKeyFile } = this.#server;
    return {
      rejectUnauthorized: skipVerify !== true,
      ...(caCertFile && { ca: pem("CA cert", caCertFile) }),
      ...(clientCertFile && clientKeyFile && { cert: pem("client cert", clientCertFile), key: pem("client key", clientKeyFile) }),
    };
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function pem(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CtlError(`could not configure HTTP client with TLS: could not read ${what}: ${fileError(path, error)}`);
  }
}

/** `title (detail)` and a line for each violation, as kumactl prints the standard error body. */
export function describeProblem({ status, text }: ApiAnswer): string {
  try {
    const {
      title,
      detail,
      details,
      invalid_parameters: violations = [],
    } = JSON.parse(text) as {
      title?: string;
      detail?: string;
      details?: string;
      invalid_parameters?: { field: string; reason: string }[];
    };
    if (title)
      return [`${title} (${detail ?? details ?? ""})`, ...violations.map(({ field, reason }) => `* ${field}: ${reason}`)].join("\n");
  } catch {
    // Not JSON: shown as it is.
  }
  return `(${status}): ${text.trim()}`;
}
