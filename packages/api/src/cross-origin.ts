import { foreignPage, whereFrom, type RequestFacts } from "@atoll/caller";
import type { FastifyReply } from "fastify";
import { anonymous, type User } from "./access.ts";
import { ApiError } from "./problem.ts";

const reading = new Set(["GET", "HEAD", "OPTIONS"]);

const isNamed = (origin: string, named: readonly string[]): boolean =>
  named.includes(".*") || named.some((domain) => domain.toLowerCase() === origin.toLowerCase());

/** Lets pages of the named origins read the answer, `.*` = of all. Credentials are headers, never cookies. */
export function allowOrigin({ headers }: RequestFacts, reply: FastifyReply, named: readonly string[]): void {
  const [origin, ...more] = headers.get("origin") ?? [];
  reply.header("vary", "origin");
  if (origin === undefined || more.length > 0 || !isNamed(origin, named)) return;
  reply.header("access-control-allow-origin", origin);
  reply.header("access-control-expose-headers", "Access-Control-Allow-Origin, Atoll-Revision, ETag");
}

/**
 * Refuses what a web page would change without a credential of its own: its user's browser stands where the page does not. Also one that
 * claims to be of this server, as there are none; its name may lead here by now (DNS rebinding).
 * @throws ApiError
 */
export function refusePage(method: string, facts: RequestFacts, user: User, named: readonly string[]): void {
  if (reading.has(method) || user.name !== anonymous.name) return;
  const page = foreignPage(facts) ?? facts.headers.get("origin")?.[0];
  if (page === undefined || isNamed(page, named) || whereFrom(facts).at === "here") return;
  const detail = `a web page of ${page} asks, and apiServer.corsAllowedDomains does not name it`;
  throw new ApiError({ status: 403, title: "Access Denied", detail });
}
