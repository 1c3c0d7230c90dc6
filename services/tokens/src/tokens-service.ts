import { listenHost, type RequestWatch } from "@atoll/runtime";
import { isServiceBearer, SecretError, type SealingKey } from "@atoll/secret";
import {
  configuredKeys,
  renderJwks,
  resourceKeys,
  resourceRevocations,
  TokenError,
  verifyDataplaneToken,
  verifyUserToken,
  verifyZoneToken,
  zoneTokenAllows,
  type ConfiguredKeys,
  type IssueProblem,
  type TokenKind,
} from "@atoll/token";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { problemBody } from "./problem-body.ts";
import { createIssuer, type IssuerPorts } from "./token-issuer.ts";

export interface TokensPorts extends Omit<IssuerPorts, "keyRing"> {
  /** The global key opens signing keys and is what other services prove they have; the zone key opens revocation lists. */
  keyRing: { global: SealingKey; zone?: SealingKey };
  /** Keys of the settings that verify zone tokens; absent = the stored ones alone. */
  zoneKeys?: ConfiguredKeys;
  /** Resolves when the resources show that revision; rejects when `timeoutMs` passes first. */
  waitFor?(revision: number, options: { timeoutMs: number }): Promise<void>;
  /** Watches requests, for metrics and traces. */
  requests?: Pick<RequestWatch, "watch">;
  /** A token was issued, or refused to whoever asked. */
  onIssue?: (kind: TokenKind, issued: boolean) => void;
  /** Told of whoever is not let in: from where, and why. */
  onRefused?: (refusal: { status: 401; reason: string; from: string | undefined; method: string; path: string }) => void;
  /** Shaped like a pino logger. */
  logger: { info(fields: object, message: string): void; error(fields: object, message: string): void };
}

const kinds: readonly TokenKind[] = ["dataplane", "zone", "user"];
const catchUpLimitMs = 5_000;

const header = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

function authorOf(request: FastifyRequest): string {
  try {
    return decodeURIComponent(header(request, "atoll-author") ?? "");
  } catch {
    return "";
  }
}

const sendProblem = (reply: FastifyReply, problem: IssueProblem) =>
  reply
    .code(problem.status)
    .type("application/json")
    .send(`${JSON.stringify(problemBody(problem), null, 1)}\n`);

/**
 * The token issuer over HTTP. `POST /tokens/<kind>` and `POST /tokens/verify` are for services that hold the global key and carry its
 * bearer; `GET /.well-known/jwks.json` (`?kind=&mesh=`) is for everyone. Bodies and refusals are those of the public REST API.
 */
export function createTokensServer(ports: TokensPorts, https?: { cert: string; key: string }): FastifyInstance {
  const { resources, keyRing, clock, logger } = ports;
  const app = fastify({ logger: false, bodyLimit: 1_048_576, ...(https && { https }) }) as unknown as FastifyInstance;
  ports.requests?.watch(app);
  const issue = createIssuer(ports);
  const stored = resourceKeys(resources, keyRing);
  const keys = ports.zoneKeys === undefined ? stored : configuredKeys({ zone: ports.zoneKeys }, stored);
  const revocations = resourceRevocations(resources, keyRing);

  // The issuer reads JSON itself, to answer a malformed body as the REST API does.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));

  app.setNotFoundHandler((_request, reply) => sendProblem(reply, { status: 404, title: "Not found", detail: "Not found" }));
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return sendProblem(reply, { status, title: "Bad Request", detail: error.message });
    logger.error({ err: error, path: request.url }, "request failed");
    return sendProblem(reply, { status: 500, title: "Could not issue a token", detail: "Internal Server Error" });
  });

  const onlyServices = async (request: FastifyRequest, reply: FastifyReply) => {
    const authorization = header(request, "authorization");
    if (isServiceBearer(keyRing.global, authorization)) return;
    const reason = await strangeness(request.url, authorization);
    if (reason === undefined) return;
    ports.onRefused?.({ status: 401, reason, from: request.socket.remoteAddress, method: request.method, path: request.url });
    await sendProblem(reply, { status: 401, title: "Invalid authentication data", detail: `Unauthenticated: ${reason}` });
  };
  /** Why a caller is not let in: a zone's REST API issues tokens for its dataplanes, and its own token says which zone asks. */
  async function strangeness(url: string, authorization: string | undefined): Promise<string | undefined> {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) return "who asks has to show the bearer of a service or the token of a zone";
    if (!url.startsWith("/tokens/dataplane")) return "only global, by the key that it shares with the issuer, is answered here";
    try {
      const claims = await verifyZoneToken(token, { keys, revocations, nowMs: clock() });
      const permission = zoneTokenAllows(claims, { zone: claims.zone, scope: "cp" });
      return permission.allowed ? undefined : permission.reason;
    } catch (error) {
      if (error instanceof TokenError || error instanceof SecretError) return error.message;
      throw error;
    }
  }
  const caughtUp = async (request: FastifyRequest, reply: FastifyReply) => {
    const revision = Number(header(request, "atoll-revision") ?? 0);
    if (ports.waitFor === undefined || !Number.isSafeInteger(revision) || revision <= 0) return;
    try {
      await ports.waitFor(revision, { timeoutMs: catchUpLimitMs });
    } catch {
      const detail = `the token issuer has not reached revision ${revision}`;
      await sendProblem(reply, { status: 503, title: "Could not issue a token", detail });
    }
  };
  const preHandler = [onlyServices, caughtUp];

  for (const kind of kinds) {
    const onResponse = async (_request: FastifyRequest, reply: FastifyReply) => ports.onIssue?.(kind, reply.statusCode === 200);
    app.post(`/tokens/${kind}`, { preHandler, onResponse }, async (request, reply) => {
      const outcome = await issue(kind, String(request.body ?? ""), authorOf(request));
      if ("token" in outcome) return reply.type("text/plain").send(outcome.token);
      if ("problem" in outcome) return sendProblem(reply, outcome.problem);
      return reply.code(400).send();
    });
  }

  app.post("/tokens/verify", { preHandler }, async (request, reply) => {
    const asked = verifyRequest(String(request.body ?? ""));
    if (asked === undefined) return reply.code(400).send();
    const options = { keys, revocations, nowMs: clock() };
    try {
      if (asked.kind === "dataplane") return await verifyDataplaneToken(asked.token, asked.mesh, options);
      return await (asked.kind === "zone" ? verifyZoneToken : verifyUserToken)(asked.token, options);
    } catch (error) {
      if (!(error instanceof TokenError || error instanceof SecretError)) throw error;
      return sendProblem(reply, { status: 401, title: "Invalid authentication data", detail: error.message });
    }
  });

  const jwks = async (request: FastifyRequest, reply: FastifyReply) => {
    const { kind, mesh } = request.query as { kind?: TokenKind; mesh?: string };
    return reply.header("cache-control", "no-cache").send(renderJwks(resources, { kind, mesh }));
  };
  for (const path of ["/.well-known/jwks.json", "/jwks"]) app.get(path, jwks);
  return app;
}

function verifyRequest(body: string): { kind: TokenKind; mesh: string; token: string } | undefined {
  try {
    const { kind, mesh = "", token } = JSON.parse(body) as Record<string, unknown>;
    const known = kinds.find((candidate) => candidate === kind);
    return known === undefined || typeof mesh !== "string" || typeof token !== "string" ? undefined : { kind: known, mesh, token };
  } catch {
    return undefined;
  }
}

export interface TokensAddress {
  host: string;
  /** 0 = any free port. */
  port: number;
  /** PEM; absent = plain HTTP, for loopback. */
  tls?: { cert: string; key: string };
}

/** Starts the token issuer; rejects if the address is taken. */
export async function startTokens(address: TokensAddress, ports: TokensPorts): Promise<{ port: number; close(): Promise<void> }> {
  const app = createTokensServer(ports, address.tls);
  await app.listen({ host: listenHost(address.host), port: address.port });
  const bound = app.server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : address.port;
  ports.logger.info({ host: address.host, port }, "token issuer listens");
  return { port, close: () => app.close() };
}
