import { context, propagation } from "@opentelemetry/api";
import type { Violation } from "@atoll/resource";
import type { TokenKind } from "./claims.ts";
import { post } from "./post.ts";
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
  /** PEM that the certificate of an issuer over HTTPS is verified with; absent = the system's authorities. */
  ca?: string;
  timeoutMs?: number;
}

const title = "Could not issue a token";

function problemOf({ status, text }: { status: number; text: string }): IssueProblem {
  try {
    const body = JSON.parse(text) as Partial<IssueProblem> & { invalid_parameters?: Violation[] };
    return { status, title: body.title ?? title, detail: body.detail ?? "", violations: body.invalid_parameters };
  } catch {
    return { status: 502, title, detail: `the token issuer answered ${status}` };
  }
}

/** Has tokens issued by `services/tokens`. `author` is who asked, for the ledger. Never rejects: a failure is a problem with its status. */
export function createRemoteIssuer(options: RemoteIssuerOptions) {
  const { timeoutMs = 10_000, ca } = options;
  return async <K extends TokenKind>(
    kind: K,
    request: TokenRequest<K>,
    author: string,
  ): Promise<{ token: string } | { problem: IssueProblem }> => {
    const trace: Record<string, string> = {};
    propagation.inject(context.active(), trace);
    try {
      const answer = await post(new URL(`/tokens/${kind}`, options.url), {
        headers: {
          ...trace,
          "content-type": "application/json",
          authorization: `Bearer ${options.bearer}`,
          "atoll-author": encodeURIComponent(author),
          "atoll-revision": String(options.revision()),
        },
        body: renderTokenRequest(request),
        ca,
        timeoutMs,
      });
      if (answer.status === 200) return { token: answer.text };
      const problem = problemOf(answer);
      if (problem.status !== 401) return { problem };
      // The issuer does not know this process: a fault of the installation, not of whoever asked.
      const why = problem.detail.replace(/^Unauthenticated: /, "");
      return { problem: { ...problem, status: 502, title, detail: `the token issuer refused this service: ${why}` } };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { problem: { status: 503, title, detail: `the token issuer cannot be reached: ${why}` } };
    }
  };
}
