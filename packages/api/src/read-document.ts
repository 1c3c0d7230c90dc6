import { type Kind, type ResourceDraft, goQuote, parseDocument } from "@atoll/resource";
import { parseJson } from "./json-text.ts";
import { badRequest, invalid } from "./problem.ts";

/** A document as its author wrote it: the spec is checked and defaulted, the meta not yet compared with the URL. */
export interface WrittenDocument extends ResourceDraft {
  labels: Record<string, string>;
}

/** Reads the body of a PUT. Refuses what is not JSON, not of the kind's shape (400 "Bad Request"), or not valid (every violation). */
export function readDocument(kind: Kind, body: Uint8Array): WrittenDocument {
  const parsed = parseJson(body);
  if ("error" in parsed) throw malformed(kind.type, parsed.error);
  return documentOf(kind, parsed.value);
}

/** `readDocument` for a body that is already decoded. */
export function documentOf(kind: Kind, value: unknown, options: { defaultMesh?: string } = {}): WrittenDocument {
  const document = parseDocument(value, { kind, ...options });
  if (document.ok) return { ...document.resource, labels: document.resource.labels ?? {} };
  if (document.parseError !== undefined) throw malformed(kind.type, document.parseError);
  throw invalid("Could not process a resource", document.violations);
}

const malformed = (type: string, reason: string) => badRequest(`invalid ${type} object: ${goQuote(reason)}`);
