import { z } from "zod";
import type { Violation } from "../resource.ts";
import { jsonTypeName } from "../schema/parse-error.ts";

export type Violations = Generator<Violation, void, void>;

export const violation = (field: string, reason: string): Violation => ({ field, reason });

/** Path of an element: `a.b[0]`. */
export const at = (path: string, index: number): string => `${path}[${index}]`;

/** Path of a map's entry: `tags["version"]`. */
export const keyed = (path: string, key: string): string => `${path}["${key}"]`;

/**
 * A zod error (made with `reportInput`) in the paths and words of the error body, which are those of an OpenAPI validator. Such a
 * validator takes the fields of an object in any order: here they come by name.
 */
export function violationsOfZod(root: string, error: z.ZodError): Violation[] {
  return error.issues.toSorted(byPath).flatMap((issue) => {
    const field = issue.path.reduce<string>((path, part) => (typeof part === "number" ? at(path, part) : `${path}.${String(part)}`), root);
    // What is no text is, besides, none of the texts.
    const isOther = issue.code === "invalid_value" && issue.input !== undefined && typeof issue.input !== "string";
    const type = isOther ? [violation(field, `in body must be of type string: "${jsonTypeName(issue.input)}"`)] : [];
    return [...type, violation(field, reasonOf(issue))];
  });
}

/** What is wrong with the shape; of numbers that are out of the range of their type, as one who reads them says it, only if nothing else is. */
export function shapeFault(root: string, error: z.ZodError): { violations: Violation[] } | { parseError: string } {
  const [readable, unreadable] = [error.issues.filter((issue) => !isUnreadable(issue)), error.issues.filter(isUnreadable)];
  if (readable.length > 0) return { violations: violationsOfZod(root, new z.ZodError(readable)) };
  const [first] = violationsOfZod(root, new z.ZodError(unreadable));
  return { parseError: first!.reason.replace("Go value", `Go struct field ${first!.field}`) };
}

const isUnreadable = (issue: z.core.$ZodIssue): boolean => issue.code === "custom" && issue.params?.["unreadable"] === true;

function byPath(one: z.core.$ZodIssue, other: z.core.$ZodIssue): number {
  const index = one.path.findIndex((part, place) => part !== other.path[place]);
  const [part, counterpart] = [one.path[index], other.path[index]];
  // What is said of a list comes after what is said of its items.
  if (part === undefined || counterpart === undefined) return other.path.length - one.path.length;
  if (typeof part === "number" && typeof counterpart === "number") return part - counterpart;
  return String(part) < String(counterpart) ? -1 : 1;
}

const openApiTypes: Readonly<Record<string, string>> = { record: "object", number: "integer", int: "integer" };

function reasonOf(issue: z.core.$ZodIssue): string {
  if (issue.code === "custom") return issue.message;
  if (issue.input === undefined) return "in body is required";
  if (issue.code === "invalid_value") return `in body should be one of [${issue.values.map(String).join(" ")}]`;
  if (issue.code === "too_small" && issue.origin === "string") return `in body should be at least ${issue.minimum} chars long`;
  if (issue.code === "too_big" && issue.origin === "string") return `in body should be at most ${issue.maximum} chars long`;
  if (issue.code === "too_small") {
    if (issue.origin === "array") return `in body should have at least ${issue.minimum} items`;
    return `in body should be greater than or equal to ${issue.minimum}`;
  }
  if (issue.code === "too_big") {
    if (issue.origin === "array") return `in body should have at most ${issue.maximum} items`;
    return `in body should be less than or equal to ${issue.maximum}`;
  }
  if (issue.code === "invalid_format" && issue.format === "base64") return `in body must be of type byte: ${JSON.stringify(issue.input)}`;
  if (issue.code === "invalid_format" && issue.format === "regex") return `in body should match '${String(issue.pattern).slice(1, -1)}'`;
  if (issue.code !== "invalid_type") return issue.message;
  if (issue.expected === "int" && typeof issue.input === "number") return 'in body must be of type int32: "float64"';
  return `in body must be of type ${openApiTypes[issue.expected] ?? issue.expected}: "${jsonTypeName(issue.input)}"`;
}
