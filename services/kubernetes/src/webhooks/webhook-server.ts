import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AdmissionRequest, AdmissionVerdict } from "@atoll/kubernetes-admission";
import { jsonPatch } from "./json-patch.ts";

/** Answers one review; `allowed` objects that differ from the request's become a patch. Rejects: the request is refused with that reason. */
export type Webhook = (request: AdmissionRequest) => AdmissionVerdict | Promise<AdmissionVerdict>;

export interface WebhookServerOptions {
  readonly host: string;
  readonly port: number;
  readonly pair: Pair;
  /** By path. */
  readonly webhooks: Readonly<Record<string, Webhook>>;
  readonly onReviewed?: (path: string, allowed: boolean) => void;
  readonly onError: (error: unknown, path: string) => void;
}

export interface Pair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Objects are at most a few megabytes, and a review carries two of them. */
const mostBodyBytes = 8 * 1024 * 1024;

/** The HTTPS server that the API server asks. https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/ */
export class WebhookServer {
  readonly #options: WebhookServerOptions;
  readonly #server: Server;

  private constructor(options: WebhookServerOptions) {
    this.#options = options;
    const { certPem: cert, keyPem: key } = options.pair;
    this.#server = createServer({ cert, key, minVersion: "TLSv1.2" }, (request, response) => void this.#answer(request, response));
  }

  static async open(options: WebhookServerOptions): Promise<WebhookServer> {
    const server = new WebhookServer(options);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen(options.port, options.host, resolve);
    });
    return server;
  }

  /** New connections are answered with this certificate. */
  present({ certPem: cert, keyPem: key }: Pair): void {
    this.#server.setSecureContext({ cert, key, minVersion: "TLSv1.2" });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeIdleConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { webhooks, onReviewed, onError } = this.#options;
    const path = new URL(request.url ?? "/", "https://localhost").pathname;
    const webhook = webhooks[path];
    const send = (status: number, body: object) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (webhook === undefined || request.method !== "POST") return send(404, { message: `there is no webhook at ${path}` });
    let review: { apiVersion: string; request: AdmissionRequest };
    try {
      review = JSON.parse(await bodyOf(request)) as typeof review;
    } catch (error) {
      return send(400, { message: (error as Error).message });
    }
    const { uid } = review.request;
    let verdict: AdmissionVerdict;
    try {
      verdict = await webhook(review.request);
    } catch (error) {
      onError(error, path);
      verdict = { allowed: false, status: { code: 500, message: (error as Error).message } };
    }
    onReviewed?.(path, verdict.allowed);
    send(200, { apiVersion: review.apiVersion, kind: "AdmissionReview", response: { uid, ...answerOf(review.request, verdict) } });
  }
}

function answerOf({ object }: AdmissionRequest, verdict: AdmissionVerdict): object {
  if (!verdict.allowed) return { allowed: false, status: verdict.status };
  const warnings = verdict.warnings && { warnings: verdict.warnings };
  const patch = verdict.object === undefined ? [] : jsonPatch(object, verdict.object);
  if (patch.length === 0) return { allowed: true, ...warnings };
  return { allowed: true, patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64"), ...warnings };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    size += (chunk as Buffer).length;
    if (size > mostBodyBytes) throw new Error("the review is too large");
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
}
