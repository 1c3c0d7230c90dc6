import type { z } from "zod";
import type { Violation } from "../resource.ts";

export type Violations = Generator<Violation, void, void>;

export const violation = (field: string, reason: string): Violation => ({ field, reason });

/** Path of an element: `a.b[0]`. */
export const at = (path: string, index: number): string => `${path}[${index}]`;

/** Path of a map's entry: `tags["version"]`. */
export const keyed = (path: string, key: string): string => `${path}["${key}"]`;

/** A zod error in the path notation of the error body: `a.b[0]`. */
export function violationsOfZod(root: string, error: z.ZodError): Violation[] {
  return error.issues.map((issue) => ({
    field: issue.path.reduce<string>((path, part) => (typeof part === "number" ? at(path, part) : `${path}.${String(part)}`), root),
    reason: issue.message,
  }));
}
