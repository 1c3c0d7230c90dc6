import type { LogError } from "@atoll/event-log";
import type { Violation } from "@atoll/resource";

/** What a request that is refused gets: the standard error body of the REST API (controlplane.md 1.6). */
export interface Problem {
  status: number;
  title: string;
  detail: string;
  violations?: readonly Violation[];
}

/** Thrown anywhere below a route; `create-api.ts` turns it into an answer. */
export class ApiError extends Error implements Problem {
  override readonly name = "ApiError";
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly violations: readonly Violation[];

  constructor(problem: Problem, options?: ErrorOptions) {
    super(`${problem.title} (${problem.detail})`, options);
    this.status = problem.status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.violations = problem.violations ?? [];
  }
}

export const notFound = (title: string) => new ApiError({ status: 404, title, detail: "Not found" });

export const badRequest = (detail: string) => new ApiError({ status: 400, title: "Bad Request", detail });

export const invalid = (title: string, violations: readonly Violation[]) =>
  new ApiError({ status: 400, title, detail: "Resource is not valid", violations });

export const notAllowed = (detail: string) => new ApiError({ status: 405, title: "Method not allowed", detail });

export const conflict = (detail: string) => new ApiError({ status: 409, title: "Conflict", detail });

export const unavailable = (detail: string, cause?: unknown) =>
  new ApiError({ status: 503, title: "Service unavailable", detail }, { cause });

export const tooLarge = (detail: string) => new ApiError({ status: 413, title: "Request entity too large", detail });

/** Why a log did not take a write. */
export function logProblem(error: LogError): ApiError {
  if (error.code === "too-large") return tooLarge(error.message);
  if (error.code === "forbidden") return new ApiError({ status: 403, title: "Access Denied", detail: error.message }, { cause: error });
  return unavailable(`the log can not be written now: ${error.message}`, error);
}

/** `details` and `causes` repeat `detail` and `invalid_parameters`: older clients read only them. `instance` = the id of the trace. */
export function problemBody(problem: Problem, instance?: string): object {
  const violations = problem.violations ?? [];
  return {
    type: "/std-errors",
    status: problem.status,
    title: problem.title,
    detail: problem.detail,
    ...(instance !== undefined && { instance }),
    ...(violations.length > 0 && { invalid_parameters: violations.map(({ field, reason }) => ({ field, reason })) }),
    details: problem.detail,
    ...(violations.length > 0 && { causes: violations.map(({ field, reason }) => ({ field, message: reason })) }),
  };
}
