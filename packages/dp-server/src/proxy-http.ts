import { peerAddress, type ProxyName } from "@atoll/resource";
import type { IncomingMessage, ServerResponse } from "node:http";
import { TokenError } from "@atoll/token";
import { answerBootstrap, BootstrapProblem, type BootstrapContext } from "./bootstrap-answer.ts";
import { parseBootstrapRequest } from "./bootstrap-request.ts";
import type { Log } from "./ports.ts";
import { proxyTypes } from "./proxy-records.ts";
import { TokenRefused } from "./token-verifier.ts";

const maxBodyBytes = 1 << 20;

export interface ProxyHttpPorts {
  bootstrap: () => BootstrapContext;
  /** A proxy with this token is about to stop. False if nobody knows it; rejects if the token is not good for it. */
  leave: (proxy: ProxyName, token: string) => Promise<boolean>;
  log: Log;
}

/** HTTP side of the dataplane server: `/bootstrap`, and `/leave`, which is Atoll's own. */
export function proxyHttp(ports: ProxyHttpPorts): (request: IncomingMessage, response: ServerResponse) => void {
  const routes = new Map([
    ["/bootstrap", bootstrap],
    ["/leave", leave],
  ]);
  return (request, response) => {
    const route = routes.get(new URL(request.url ?? "/", "http://localhost").pathname);
    if (route === undefined) return void response.writeHead(404, { "content-type": "text/plain" }).end("404 page not found\n");
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
    });
    request.on("end", () => {
      if (size > maxBodyBytes) return void response.writeHead(413).end("the request is larger than 1 MiB");
      route(Buffer.concat(chunks).toString("utf8"), request, response, ports).catch((error: unknown) => {
        ports.log.error({ err: error, path: request.url }, "a request of a proxy failed");
        response.writeHead(500).end();
      });
    });
  };
}

type Route = (body: string, request: IncomingMessage, response: ServerResponse, ports: ProxyHttpPorts) => Promise<void>;

const bootstrap: Route = async (body, request, response, ports) => {
  const parsed = parseBootstrapRequest(body);
  if (parsed === undefined) return void response.writeHead(400).end();
  try {
    const result = answerBootstrap(parsed, request.headers.host ?? "", ports.bootstrap());
    if (request.headers.accept === "application/json")
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(result));
    else response.writeHead(200, { "content-type": "text/x-yaml" }).end(Buffer.from(result.bootstrap, "base64"));
  } catch (error) {
    if (!(error instanceof BootstrapProblem)) throw error;
    const { mesh, name, proxyType } = parsed;
    // A proxy that is not known yet asks again each second or so.
    const level = error.status === 404 ? "debug" : "warn";
    ports.log[level](
      { mesh, name, proxyType, from: peerAddress(request.socket.remoteAddress), status: error.status, reason: error.message },
      "a proxy gets no bootstrap configuration",
    );
    response.writeHead(error.status, { "content-type": "text/plain" }).end(error.message);
  }
};

/** Body: mesh, name and proxyType, as in `/bootstrap`; the token is the credential of the request. */
const leave: Route = async (body, request, response, ports) => {
  const parsed = parseBootstrapRequest(body);
  const proxyType = proxyTypes.find((one) => one === (parsed?.proxyType || "dataplane"));
  if (request.method !== "POST" || parsed === undefined || proxyType === undefined || parsed.name === "")
    return void response.writeHead(400).end();
  const mesh = proxyType === "dataplane" ? parsed.mesh : "";
  const plain = { "content-type": "text/plain" };
  try {
    const known = await ports.leave({ proxyType, mesh, name: parsed.name }, (request.headers.authorization ?? "").replace(/^Bearer /i, ""));
    if (known) response.writeHead(200, plain).end();
    else response.writeHead(404, plain).end("this proxy is not registered");
  } catch (error) {
    if (!(error instanceof TokenError || error instanceof TokenRefused)) throw error;
    response.writeHead(401, plain).end(error.message);
  }
};
