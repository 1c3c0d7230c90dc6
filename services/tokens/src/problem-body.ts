import type { IssueProblem } from "@atoll/token";

/** The standard error body of the REST API, which global passes on. The repeated fields are for older clients. */
export function problemBody({ status, title, detail, violations = [] }: IssueProblem): Record<string, unknown> {
  const some = violations.length > 0;
  return {
    type: "/std-errors",
    status,
    title,
    detail,
    ...(some && { invalid_parameters: violations }),
    details: detail,
    ...(some && { causes: violations.map(({ field, reason }) => ({ field, message: reason })) }),
  };
}
