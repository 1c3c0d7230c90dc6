import { maxHeaderSize } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { peerAddress } from "@atoll/resource";
import type { TLSSocket } from "node:tls";
import { requestFacts, type RequestFacts } from "@atoll/caller";
import { LogError } from "@atoll/event-log";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { type User, anonymous, authenticate } from "./access.ts";
import { createContext } from "./api-context.ts";
import type { Answer, Call, EventSource, Route } from "./call.ts";
import { changeRoutes } from "./change-routes.ts";
import { allowOrigin, refusePage } from "./cross-origin.ts";
import { serveGui } from "./gui/gui-files.ts";
import { changeFeedRoute } from "./history/change-feed-route.ts";
import { revisionRoutes } from "./history/revision-routes.ts";
import { rollbackRoutes } from "./history/rollback-routes.ts";
import { indexRoutes } from "./index-routes.ts";
import { insightRoutes } from "./insight-routes.ts";
import { inspectRoutes } from "./inspect-routes.ts";
import { renderJson } from "./json-text.ts";
import { type PlainRefusal, methodNotAllowed, negotiate, pageNotFound } from "./negotiation.ts";
import { openApiRoute } from "./openapi.ts";
import { overviewRoutes } from "./overview-routes.ts";
import { dropBody } from "./drop-body.ts";
import type { ApiOptions } from "./ports.ts";
import { policyRoutes } from "./policy-routes.ts";
import { ApiError, logProblem, problemBody, tooLarge } from "./problem.ts";
import { quarantineRoutes } from "./quarantine-routes.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { pinRoutes } from "./rollouts/pin-routes.ts";
import { rolloutRoutes } from "./rollouts/rollout-routes.ts";
import { RouteTable } from "./route-table.ts";
import { tokenLedgerRoutes } from "./token-ledger.ts";
import { tokenRoutes } from "./token-routes.ts";

/** A change set is one record of the log: what does not fit there must not be read into memory either. */
export const mostBodyBytes = 4 * 1024 * 1024;

/** Up to this size, the rest of a body that is refused is read and dropped before the answer. */
const mostDroppedBytes = 64 * 1024 * 1024;

/** Key and certificate in PEM. */
export interface TlsOptions {
  key: string;
  cert: string;
  minVersion?: "TLSv1.2" | "TLSv1.3";
  /** Certificates that those of clients are verified with. A client certificate that is shown and not good ends the connection. */
  clients?: { ca: readonly string[]; required: boolean };
}

/** Every route of the REST API, for one control plane. */
export function apiRoutes(options: ApiOptions): Route[] {
  const context = createContext(options);
  const routes = [
    ...resourceRoutes(context),
    ...overviewRoutes(context),
    ...insightRoutes(context),
    ...inspectRoutes(context),
    ...policyRoutes(context),
    ...indexRoutes(context),
    ...tokenRoutes(context),
    ...(options.settings.mode === "global" ? tokenLedgerRoutes(context) : []),
    ...revisionRoutes(context),
    ...rollbackRoutes(context),
    changeFeedRoute(context),
    ...quarantineRoutes(context),
    ...rolloutRoutes(context),
    ...pinRoutes(context),
    ...(options.settings.mode === "global" ? changeRoutes(context) : []),
  ];
  return [...routes, openApiRoute(routes, options)];
}

/**
 * The REST API as a fastify instance that listens nowhere yet: the caller binds it to a port, or injects requests. One instance is
 * plain or, with `tls`, HTTPS; a process that serves both makes two of the same options.
 * Bodies, errors and routes are those of controlplane.md section 1; `Atoll-Revision` is on every answer.
 */
export function createApi(options: ApiOptions, tls?: TlsOptions): FastifyInstance {
  const basePath = (options.settings.basePath ?? "/").replace(/\/+$/, "");
  const routes = apiRoutes(options);
  const table = new RouteTable(routes, basePath);
  const app = fastify({
    https: tls === undefined ? null : serverOptions(tls),
    bodyLimit: mostBodyBytes,
    exposeHeadRoutes: false,
    clientErrorHandler: answerUnread,
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 2_000 },
  });
  const users = new WeakMap<FastifyRequest, User>();
  options.requests?.watch(app as FastifyInstance);
  if (tls?.clients !== undefined) app.server.on("secureConnection", refuseBadCertificate);

  // Bodies stay bytes: what is wrong with them is said by the route, in words that name its kind.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  app.addHook("onRequest", async (request, reply) => {
    reply.header("atoll-revision", String(options.config.revision)).header("x-content-type-options", "nosniff");
    const facts = requestFacts(request.raw);
    const { corsAllowedDomains = [] } = options.settings;
    allowOrigin(facts, reply, corsAllowedDomains);
    const { open, gives } = request.routeOptions.config as RouteConfig;
    if (open !== true) {
      const user = await identify(request, facts, options);
      users.set(request, user);
      refusePage(request.method, facts, user, corsAllowedDomains);
    }
    if (request.is404) return;
    const refusal = negotiate(request.method, headersOf(request), gives);
    if (refusal !== undefined) return refuse(reply, refusal);
    // A list of types that names JSON is good enough here, and no single type to the framework.
    if (request.headers["content-type"] !== undefined) request.headers["content-type"] = "application/json";
  });

  app.addHook("onSend", async (request, reply) => {
    if (reply.statusCode < 400) return;
    const ended = await dropBody(request.raw, mostDroppedBytes);
    // Nothing is in the way of the next request.
    if (ended && reply.statusCode === 413) reply.removeHeader("connection");
  });

  for (const route of routes) {
    app.route({
      method: route.method,
      url: `${basePath}${route.path}`,
      config: { open: route.open, gives: route.gives } satisfies RouteConfig,
      handler: async (request, reply) => {
        const answer = await route.run(callOf(request, route, users.get(request) ?? anonymous));
        return send(reply, answer);
      },
    });
  }

  if (options.settings.gui) serveGui(app as FastifyInstance, options.settings.gui.folder, `${basePath}/gui`);

  app.setNotFoundHandler(async (request, reply) => {
    const methods = table.methodsOf(pathOf(request));
    if (methods.length === 0) return refuse(reply, pageNotFound);
    return refuse(reply.header("allow", methods.join(", ")), methodNotAllowed);
  });

  app.setErrorHandler(async (error, request, reply) => {
    const problem = problemOf(error);
    const asked = { method: request.method, path: pathOf(request) };
    if (problem.status === 401 || problem.status === 403) {
      const { name: user } = users.get(request) ?? anonymous;
      options.onRefused?.({
        user,
        from: peerAddress(request.socket.remoteAddress),
        ...asked,
        status: problem.status,
        reason: problem.detail,
      });
    }
    if (problem.status === 500) options.onError?.(error, asked);
    return sendText(reply.status(problem.status), renderJson(problemBody(problem, options.requests?.traceId(request))), "application/json");
  });
  return app;
}

/** What the framework keeps of a route for the hooks before it. */
type RouteConfig = Pick<Route, "open" | "gives">;

const identify = (request: FastifyRequest, facts: RequestFacts, { settings, verifyUserToken }: ApiOptions): Promise<User> =>
  authenticate(facts, {
    localhostIsAdmin: settings.localhostIsAdmin,
    localhostByAddressAlone: settings.localhostByAddressAlone,
    ...(settings.authentication === "adminClientCerts"
      ? { adminByCertificate: (request.socket as Partial<TLSSocket>).authorized === true }
      : { adminByCertificate: false, verify: verifyUserToken }),
  });

/** What Node could not read, or would not: its answer has the form of all others. */
function answerUnread(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const tooLarge = {
    status: 431,
    title: "Request Header Fields Too Large",
    detail: `the head of the request is larger than ${maxHeaderSize} bytes`,
  };
  const problem =
    error.code === "HPE_HEADER_OVERFLOW"
      ? tooLarge
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? { status: 408, title: "Request Timeout", detail: "the request did not arrive in time" }
        : { status: 400, title: "Bad Request", detail: `the request cannot be read: ${error.message}` };
  const body = renderJson(problemBody(problem));
  const head = [`HTTP/1.1 ${problem.status} ${problem.title}`, "content-type: application/json", "connection: close"];
  socket.end(`${[...head, `content-length: ${Buffer.byteLength(body)}`].join("\r\n")}\r\n\r\n${body}`);
}

/** A certificate that is shown and not good ends the handshake elsewhere; here the server asks for one without requiring it. */
const serverOptions = ({ clients, ...tls }: TlsOptions) => ({
  ...tls,
  ...(clients && { requestCert: true, rejectUnauthorized: clients.required, ca: [...clients.ca] }),
});

function refuseBadCertificate(socket: TLSSocket): void {
  if (!socket.authorized && Object.keys(socket.getPeerCertificate()).length > 0) socket.destroy();
}

const pathOf = (request: FastifyRequest) => request.url.split("?", 1)[0]!;

const headersOf = (request: FastifyRequest): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]));

function callOf(request: FastifyRequest, route: Route, user: User): Call {
  return {
    method: request.method,
    path: pathOf(request),
    params: request.params as Record<string, string>,
    query: new URLSearchParams(request.url.split("?").slice(1).join("?")),
    headers: headersOf(request),
    body: Buffer.isBuffer(request.body) ? request.body : new Uint8Array(),
    origin: `${request.protocol}://${request.host}`,
    routePath: route.path.replace(/:(\w+)/g, "{$1}"),
    user,
  };
}

async function send(reply: FastifyReply, answer: Answer): Promise<FastifyReply> {
  reply.status(answer.status).headers(answer.headers ?? {});
  if ("events" in answer) return sendEvents(reply, answer.events);
  if ("json" in answer) return sendText(reply, renderJson(answer.json), "application/json");
  return sendText(reply, answer.text, answer.contentType);
}

/** As bytes: the framework adds a charset to JSON sent as text, which clients of this API never got. */
const sendText = (reply: FastifyReply, text: string, contentType: string) =>
  reply.header("content-type", contentType).send(Buffer.from(text));

/** One piece at a time: a reader that is slow or gone holds up nothing but its own stream. */
function sendEvents(reply: FastifyReply, events: EventSource): FastifyReply {
  const ended = new AbortController();
  reply.raw.once("close", () => ended.abort());
  return reply
    .headers({ "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" })
    .send(Readable.from(events(ended.signal), { highWaterMark: 1 }));
}

const refuse = (reply: FastifyReply, { status, text }: PlainRefusal) => sendText(reply.status(status), text, "text/plain; charset=utf-8");

function problemOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof LogError) return logProblem(error);
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return tooLarge(`the body is larger than ${mostBodyBytes} bytes`);
  const message = error instanceof Error ? error.message : String(error);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return new ApiError({ status: statusCode, title: "Bad Request", detail: message }, { cause: error });
  }
  return new ApiError({ status: 500, title: "Could not process the request", detail: "Internal Server Error" }, { cause: error });
}
