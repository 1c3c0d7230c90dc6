import { readFileSync } from "node:fs";
import { kindOf, parseDocument, validateMeta, type Kind, type ResourceDraft, type Violation } from "@atoll/resource";
import { isScalar, parseAllDocuments, visit } from "yaml";
import { CtlError } from "./ctl-error.ts";
import type { Io } from "./io.ts";

/** Reads `-` (standard input), a URL or a file. */
export async function readSource(source: string, io: Io): Promise<string> {
  if (source === "-") return io.input();
  if (/^https?:\/\//.test(source)) {
    const answer = await fetch(source, { signal: AbortSignal.timeout(60_000) }).catch((error: unknown) => {
      throw new CtlError(`error with GET http request: ${(error as Error).message}`);
    });
    if (!answer.ok) throw new CtlError(`error while retrieving URL: ${answer.status} ${answer.statusText}`);
    return answer.text();
  }
  try {
    return readFileSync(source, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CtlError(`error while reading provided file: ${code === "ENOENT" ? `open ${source}: no such file or directory` : message}`);
  }
}

/** Fills `{{ name }}`, names with dots included; a name without a value is left empty. Without values, texts stay as they are. */
export function fillTemplate(text: string, values: Readonly<Record<string, string>>): string {
  if (Object.keys(values).length === 0) return text;
  return text.replace(/\{\{\{?\s*&?\s*([\w.-]+)\s*\}?\}\}/g, (_whole, name: string) => values[name] ?? "");
}

export interface ReadDocument {
  /** As written, defaults and all that is unknown included. */
  raw: unknown;
  resource: ResourceDraft;
  kind: Kind;
}

/** Every document of a YAML or JSON text, checked here before anything is sent. */
export function readDocuments(text: string): ReadDocument[] {
  if (text === "") throw new CtlError("no resource(s) passed to apply");
  const found: ReadDocument[] = [];
  for (const document of parseAllDocuments(text, { logLevel: "error" })) {
    const [error] = document.errors;
    if (error !== undefined) throw invalidYaml(error.message.split("\n", 1)[0]!);
    visit(document, {
      Pair: (_key, { key }) => {
        if (!isScalar(key)) throw invalidYaml(`invalid map key: ${String(key)}`);
      },
    });
    const raw: unknown = document.toJS();
    if (raw === null || raw === undefined) continue;
    found.push(readDocument(raw));
  }
  return found;
}

const invalidYaml = (reason: string) => invalid(`invalid meta type: ${JSON.stringify(`error converting YAML to JSON: yaml: ${reason}`)}`);
const invalid = (reason: string) => new CtlError(`YAML contains invalid resource: ${reason}`);
const shown = (violations: readonly Violation[]): string => violations.map(({ field, reason }) => `${field}: ${reason}`).join("; ");

function readDocument(raw: unknown): ReadDocument {
  const { type, kind: kubernetesKind, metadata } = (raw ?? {}) as { type?: unknown; kind?: unknown; metadata?: unknown };
  const named = String(type ?? kubernetesKind ?? "");
  // Without it the document is not of the Kubernetes form, and its kind counts for nothing.
  if (type === undefined && kubernetesKind !== undefined && metadata === undefined)
    throw invalid(`metadata: cannot be empty in a document with "kind"`);
  const parsed = parseDocument(raw);
  if (!parsed.ok) {
    if (parsed.parseError !== undefined) {
      throw invalid(`invalid ${named} object: ${JSON.stringify(`error unmarshaling JSON: while decoding JSON: ${parsed.parseError}`)}`);
    }
    throw invalid(parsed.violations[0]?.field === "type" ? `invalid resource type ${JSON.stringify(named)}` : shown(parsed.violations));
  }
  const violations = validateMeta(parsed.resource);
  if (violations.length > 0) throw new CtlError(shown(violations));
  return { raw, resource: parsed.resource, kind: kindOf(parsed.resource.type)! };
}

export const collectionPath = (kind: Kind, mesh: string): string =>
  kind.scope === "mesh" ? `/meshes/${encodeURIComponent(mesh)}/${kind.path}` : `/${kind.path}`;

export const itemPath = (kind: Kind, mesh: string, name: string): string => `${collectionPath(kind, mesh)}/${encodeURIComponent(name)}`;
