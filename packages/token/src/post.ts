import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

export interface Posting {
  headers: Record<string, string>;
  body: string;
  /** PEM that the other side's certificate is verified with; absent = the system's authorities. */
  ca?: string;
  /** For all of it, from the connection to the last byte of the answer. */
  timeoutMs: number;
}

/** A POST over HTTP or HTTPS. Rejects if there is no whole answer in time. `fetch` cannot be told of an authority of one's own. */
export function post(url: URL, { headers, body, ca, timeoutMs }: Posting): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const options = { method: "POST", headers, signal: AbortSignal.timeout(timeoutMs) };
    const call = url.protocol === "https:" ? requestHttps(url, { ...options, ...(ca !== undefined && { ca }) }) : requestHttp(url, options);
    call.on("response", (answer) => {
      answer.toArray().then((chunks: Buffer[]) => {
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString("utf8") });
      }, reject);
    });
    call.on("error", reject).end(body);
  });
}
