import type { IncomingMessage, ServerResponse } from "node:http";
import { answerBootstrap, BootstrapProblem, type BootstrapContext } from "./bootstrap-answer.ts";
import { parseBootstrapRequest } from "./bootstrap-request.ts";
import type { Log } from "./ports.ts";

const maxBodyBytes = 1 << 20;

/** HTTP side of the dataplane server: `/bootstrap`, and nothing else. */
export function bootstrapListener(context: () => BootstrapContext, log: Log): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    if (new URL(request.url ?? "/", "http://localhost").pathname !== "/bootstrap")
      return void response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found\n");
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
    });
    request.on("end", () => {
      if (size > maxBodyBytes) return void response.writeHead(413).end("the request is larger than 1 MiB");
      try {
        answer(Buffer.concat(chunks).toString("utf8"), request, response, context());
      } catch (error) {
        log.error({ err: error }, "bootstrap failed");
        response.writeHead(500).end();
      }
    });
  };
}

function answer(body: string, request: IncomingMessage, response: ServerResponse, context: BootstrapContext): void {
  const parsed = parseBootstrapRequest(body);
  if (parsed === undefined) return void response.writeHead(400).end();
  try {
    const result = answerBootstrap(parsed, request.headers.host ?? "", context);
    if (request.headers.accept === "application/json")
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
    else response.writeHead(200, { "content-type": "text/x-yaml" }).end(Buffer.from(result.bootstrap, "base64"));
  } catch (error) {
    if (!(error instanceof BootstrapProblem)) throw error;
    response.writeHead(error.status, { "content-type": "text/plain" }).end(error.message);
  }
}
