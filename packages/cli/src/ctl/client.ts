import { readFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { version } from "@atoll/runtime/version";
import type { ApiServer } from "./config-file.ts";
import { CtlError } from "./ctl-error.ts";

export interface ApiAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** Talks to the REST API of a control plane. */
export class ApiClient {
  readonly #server: ApiServer;

  constructor(server: ApiServer) {
    this.#server = server;
  }

  /** Rejects with `CtlError` when there is no answer. */
  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiAnswer> {
    const url = new URL(this.#server.url.replace(/\/+$/, "") + path);
    const token = this.#server.authType === "tokens" ? this.#server.authConf?.token : undefined;
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const options = {
        method,
        timeout: 60_000,
        headers: {
          accept: "application/json",
          "user-agent": `atollctl/${version.atoll}`,
          ...(payload !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(payload) }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...this.#server.headers,
          ...headers,
        },
      };
      const call =
        url.protocol === "https:"
          ? requestHttps(url, {
              ...options,
              rejectUnauthorized: this.#server.skipVerify !== true,
              ...(this.#server.caCertFile && { ca: readFileSync(this.#server.caCertFile) }),
            })
          : requestHttp(url, options);
      call.on("response", (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString("utf8") }),
        );
        response.on("error", reject);
      });
      call.on("timeout", () => call.destroy(new Error("no answer within 60 s")));
      call.on("error", (error) => reject(new CtlError(`cannot reach ${url.origin}: ${error.message}`)));
      call.end(payload);
    });
  }

  /** Parsed body of a 2xx answer; rejects with what the control plane said otherwise. */
  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call(method, path, body);
    if (answer.status < 200 || answer.status > 299) throw new CtlError(describeProblem(answer));
    return (answer.text === "" ? {} : JSON.parse(answer.text)) as T;
  }

  /** Text of a 2xx answer. */
  async text(method: string, path: string, body?: unknown): Promise<string> {
    const answer = await this.call(method, path, body);
    if (answer.status < 200 || answer.status > 299) throw new CtlError(describeProblem(answer));
    return answer.text;
  }
}

/** `title (detail)` and a line for each violation, as kumactl prints the standard error body. */
export function describeProblem({ status, text }: ApiAnswer): string {
  try {
    const problem = JSON.parse(text) as {
      title?: string;
      detail?: string;
      details?: string;
      invalid_parameters?: { field: string; reason: string }[];
    };
    if (problem.title) {
      return [
        `${problem.title} (${problem.detail ?? problem.details ?? ""})`,
        ...(problem.invalid_parameters ?? []).map((one) => `* ${one.field}: ${one.reason}`),
      ].join("\n");
    }
  } catch {
    // Not JSON: shown as it is.
  }
  return `(${status}): ${text.trim()}`;
}
