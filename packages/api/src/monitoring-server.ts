import { createHash } from "node:crypto";
import type { ResourceReader } from "@atoll/replica";
import { parseGoDuration, peerAddress } from "@atoll/resource";
import { requestFacts, type RequestFacts } from "@atoll/caller";
import { type FastifyInstance, fastify } from "fastify";
import { anonymous } from "./access.ts";
import type { TlsOptions } from "./create-api.ts";
import { renderJson } from "./json-text.ts";
import type { RefusedRequest } from "./ports.ts";
import { monitoringAssignmentType, monitoringAssignments } from "./monitoring-assignments.ts";

export interface MonitoringOptions {
  config: ResourceReader;
  zone: ResourceReader;
  /** Calls with the keys of resources that changed. Returns the unsubscribe function. */
  watch(listener: (keys: readonly string[]) => void): () => void;
  /** How long an answer may be held back while nothing changes, unless the request says otherwise. */
  defaultFetchTimeoutMs: number;
  /** Why a request may not ask; undefined: it may. Absent: everybody may. */
  refuse?: (facts: RequestFacts) => { status: 401 | 403; reason: string } | undefined;
  onRefused?: (refusal: RefusedRequest) => void;
}

const timerLimitMs = 2 ** 31 - 1;
/** Types that assignments are made from. */
const madeFrom: ReadonlySet<string> = new Set(["Dataplane", "Mesh", "MeshGateway", "MeshMetric"]);

/**
 * The discovery that Prometheus' `kuma_sd_configs` asks, as a fastify instance that listens nowhere yet: a POST with the version the
 * client has is answered with the assignments once they differ, or with 304 when `fetch-timeout` is over.
 */
export function createMonitoringApi(options: MonitoringOptions, tls?: Pick<TlsOptions, "key" | "cert" | "minVersion">): FastifyInstance {
  const { config, zone, watch, defaultFetchTimeoutMs } = options;
  const app = fastify({ https: tls ?? null, forceCloseConnections: true, bodyLimit: 1024 * 1024 });
  app.addHook("onRequest", async (request, reply) => {
    const refusal = options.refuse?.(requestFacts(request.raw));
    if (refusal === undefined) return;
    const { method, url: path, socket } = request;
    options.onRefused?.({ user: anonymous.name, from: peerAddress(socket.remoteAddress), method, path, ...refusal });
    return reply.status(refusal.status).type("text/plain").send(`${refusal.reason}\n`);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  const current = (client: string) => {
    const resources = monitoringAssignments(config, zone, client);
    return { version: createHash("sha256").update(JSON.stringify(resources)).digest("hex"), resources };
  };

  app.post<{ Querystring: { "fetch-timeout"?: string } }>("/v3/discovery::monitoringassignments", async (request, reply) => {
    const refuse = (title: string, detail: string) =>
      reply
        .status(400)
        .type("application/json")
        .send(Buffer.from(renderJson({ type: "", status: 0, title, detail, details: detail })));
    const known = readVersion(request.body);
    if ("error" in known) return refuse("Could not parse request body", known.error);
    const timeout = readTimeoutMs(request.query["fetch-timeout"], defaultFetchTimeoutMs);
    if (typeof timeout === "string") return refuse("Could not parse fetch-timeout", timeout);

    let found = current(known.client);
    if (found.version === known.version && timeout > 0) {
      await new Promise<void>((resolve) => {
        const finish = () => {
          clearTimeout(timer);
          unwatch();
          resolve();
        };
        const timer = setTimeout(finish, Math.min(timeout, timerLimitMs));
        const unwatch = watch((keys) => {
          // A zone's log tells much of proxies that is no part of it.
          if (!keys.some((key) => madeFrom.has(key.slice(0, key.indexOf("/"))))) return;
          found = current(known.client);
          if (found.version !== known.version) finish();
        });
        reply.raw.once("close", finish);
      });
    }
    if (found.version === known.version) return reply.status(304).send();
    const answer = { version_info: found.version, resources: found.resources, type_url: monitoringAssignmentType };
    return reply.type("application/json").send(Buffer.from(JSON.stringify(answer)));
  });
  return app;
}

/** The version in a DiscoveryRequest, whose fields are spelled in either way, and who asks. */
function readVersion(body: unknown): { version: string; client: string } | { error: string } {
  try {
    const request = JSON.parse(String(body ?? "")) as {
      version_info?: unknown;
      versionInfo?: unknown;
      node?: { id?: unknown } | null;
    } | null;
    if (typeof request !== "object" || request === null || Array.isArray(request)) return { error: "the body has to be an object" };
    return { version: String(request.version_info ?? request.versionInfo ?? ""), client: String(request.node?.id ?? "") };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

function readTimeoutMs(text: string | undefined, whenAbsent: number): number | string {
  if (text === undefined || text === "") return whenAbsent;
  const parsed = parseGoDuration(text);
  return "error" in parsed ? parsed.error : Number(parsed.nanoseconds / 1_000_000n);
}
