import { request } from "node:http";

export interface RestAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  /** The body read as JSON; throws when it is not. */
  json<T = Record<string, unknown>>(): T;
  /** Of the `Atoll-Revision` header. */
  revision: number;
}

export interface RestCall {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Address the request comes from; 127.0.0.2 is a stranger to a server for which 127.0.0.1 is its own machine. */
  from?: string;
}

/** One HTTP request that reports whatever comes back. No content type is sent unless one is given. */
export function rest(url: string, call: RestCall = {}): Promise<RestAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      url,
      { method: call.method ?? "GET", headers: call.headers, localAddress: call.from, timeout: 20_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text,
            json: <T>() => JSON.parse(text) as T,
            revision: Number(response.headers["atoll-revision"]),
          });
        });
      },
    );
    sent.on("timeout", () => sent.destroy(new Error(`no answer from ${url} within 20 s`)));
    sent.on("error", reject);
    sent.end(call.body);
  });
}

export const jsonHeaders = { "content-type": "application/json" };
