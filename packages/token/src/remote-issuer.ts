import { context, propagation } from "@opentelemetry/api";
import type { Violation } from "@atoll/resource";
import type { TokenKind } from "./claims.ts";
import { renderTokenRequest, type TokenRequest } from "./request.ts";

/** Why no token was issued, in the terms of the REST API's error body. */
export interface IssueProblem {
  status: number;
  title: string;
  detail: string;
  violations?: readonly Violation[];
}

export interface RemoteIssuerOptions {
  /** Base address of the token service. */
  url: string;
  /** The service bearer, without its scheme. */
  bearer: string;
  /** Revision that the token service must have folded before it answers: a mesh made a moment ago has its key. */
  revision(): number;
  timeoutMs?: number;
  fetch?: typeof fetch;
}

const title = "Could not issue a token";

async function problemOf(response: Response): Promise<IssueProblem> {
  try {
    const body = (await response.json()) as Partial<IssueProblem> & { invalid_parameters?: Violation[] };
    return { status: response.status, title: body.title ?? title, detail: body.detail ?? "", violations: body.invalid_parameters };
  } catch {
    return { status: 502, title, detail: `the token issuer answered ${response.status}` };
  }
}

/** Has tokens issued by `services/tokens`. `author` is who asked, for the ledger. Never rejects: a failure is a problem with its status. */
export function createRemoteIssuer(options: RemoteIssuerOptions) {
  const { timeoutMs = 10_000, fetch: send = fetch } = options;
  return async <K extends TokenKind>(
    kind: K,
    request: TokenRequest<K>,
    author: string,
  ): Promise<{ token: string } | { problem: IssueProblem }> => {
    const trace: Record<string, string> = {};
    propagation.inject(context.active(), trace);
    try {
      const response = await send(new URL(`/tokens/${kind}`, options.url), {
        method: "POST",
        headers: {
          ...trace,
          "content-type": "application/json",
          authorization: `Bearer ${options.bearer}`,
          "atoll-author": encodeURIComponent(author),
          "atoll-revision": String(options.revision()),
        },
        body: renderTokenRequest(request),
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (response.ok) return { token: await response.text() };
      const problem = await problemOf(response);
      // The issuer does not know this process: a fault of the installation, not of whoever asked.
      return {
        problem: problem.status === 401 ? { ...problem, status: 502, title, detail: "the token issuer refused this service" } : problem,
      };
    } catch {
      return { problem: { status: 503, title, detail: "the token issuer cannot be reached" } };
    }
  };
}
