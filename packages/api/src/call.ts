import type { User } from "./access.ts";
import { badRequest } from "./problem.ts";

/** One request, free of the HTTP framework. */
export interface Call {
  method: string;
  /** As sent, still percent-encoded. */
  path: string;
  /** Decoded parameters of the route's path. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** Lower-case names. */
  headers: Readonly<Record<string, string | undefined>>;
  body: Uint8Array;
  /** `scheme://host` as the client addressed it; for links. */
  origin: string;
  /** The route's own path, parameters in braces; some errors name it. */
  routePath: string;
  user: User;
}

/** Texts of https://html.spec.whatwg.org/multipage/server-sent-events.html, until the reader is gone. */
export type EventSource = (signal: AbortSignal) => AsyncIterable<string>;

export type Answer =
  /** `headers` are added to those every answer has. */
  | { status: number; json: unknown; headers?: Record<string, string> }
  | { status: number; text: string; contentType: string; headers?: Record<string, string> }
  | { status: number; events: EventSource; headers?: Record<string, string> };

export const json = (body: unknown, status = 200, headers?: Record<string, string>): Answer => ({ status, json: body, headers });

export const text = (body: string, contentType = "text/plain"): Answer => ({ status: 200, text: body, contentType });

export interface Route {
  method: "GET" | "PUT" | "DELETE" | "POST";
  /** Segments may be `:parameter`. */
  path: string;
  run(call: Call): Answer | Promise<Answer>;
  /** Answers without looking at credentials. */
  open?: boolean;
  /** Media type of its answers, if it is not JSON. */
  gives?: "text/event-stream";
}

/** A query parameter that is true or false; false without it. @throws ApiError */
export function readFlag({ query }: Call, name: string): boolean {
  const text = query.get(name) ?? "false";
  if (text !== "true" && text !== "false") throw badRequest(`query parameter ${name}: must be true or false`);
  return text === "true";
}
