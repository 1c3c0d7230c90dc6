import { kindOf, parseDocument, validateMeta, type Kind, type ResourceDraft, type Violation } from "@atoll/resource";
import { fileError, readTextFile, readYamlStream, YamlError, type YamlDocument } from "@atoll/yaml";
import { networkFault } from "../input/network-fault.ts";
import { CtlError } from "./ctl-error.ts";
import type { Io } from "./io.ts";

/** Reads `-` (standard input), a URL or a file. */
export async function readSource(source: string, io: Io): Promise<string> {
  if (source === "-") return io.input();
  if (/^https?:\/\//.test(source)) {
    try {
      const answer = await fetch(source, { signal: AbortSignal.timeout(60_000) });
      if (!answer.ok) throw new CtlError(`error while retrieving URL: ${source}: ${answer.status} ${answer.statusText}`);
      return await answer.text();
    } catch (error) {
      if (error instanceof CtlError) throw error;
      throw new CtlError(`error with GET http request: ${source}: ${networkFault(error)}`);
    }
  }
  try {
    return readTextFile(source);
  } catch (error) {
    throw new CtlError(`error while reading provided file: ${fileError(source, error)}`);
  }
}

/** What a source is called in an error. */
export const nameOfSource = (source: string): string => (source === "-" ? "standard input" : source);

export interface ReadDocument {
  /** As written, defaults and all that is unknown included. */
  raw: unknown;
  resource: ResourceDraft;
  kind: Kind;
  /** For errors: "b.yaml, document 2, line 14: Timeout default/slow". */
  place: string;
}

/** Every document of a YAML or JSON text, checked here before anything is sent. `source` is what errors call it. */
export function readDocuments(text: string, source: string): ReadDocument[] {
  if (text === "") throw new CtlError("no resource(s) passed to apply");
  const documents = documentsOf(text, source).filter(({ value }) => value !== null);
  return documents.map(({ value, line }, index) => {
    const place = [`${source}, document ${index + 1}, line ${line}`, nameOf(value)].filter((part) => part !== "").join(": ");
    try {
      return { ...readDocument(value), place };
    } catch (error) {
      throw error instanceof CtlError ? errorIn(place, error.message) : error;
    }
  });
}

/** An error of one document says which one, on a line of its own. */
export const errorIn = (place: string, message: string): CtlError => new CtlError(`${message}\n  in ${place}`);

/** Between documents; what stands around one, such as the end of its last line, is no part of it, as for kumactl. */
const separator = /(?:^|\s*\n)---[^\S\n]*/g;

function documentsOf(text: string, source: string): YamlDocument[] {
  try {
    let [start, lines] = [0, 0];
    const documents: YamlDocument[] = [];
    for (const { 0: found, index } of [...text.matchAll(separator), { 0: "", index: text.length }]) {
      // As many empty lines before it as there are in the text, so that errors count right.
      documents.push(...readYamlStream("\n".repeat(lines) + text.slice(start, index).trimEnd()));
      lines += text.slice(start, index + found.length).split("\n").length - 1;
      start = index + found.length;
    }
    return documents;
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    throw errorIn(source, invalid(`invalid meta type: ${JSON.stringify(`error converting YAML to JSON: yaml: ${error.message}`)}`));
  }
}

/** "Timeout default/slow", as far as the document says it. */
function nameOf(document: unknown): string {
  if (typeof document !== "object" || document === null) return "";
  const { type, kind, name, mesh, metadata } = document as Record<string, unknown>;
  const inner = (typeof metadata === "object" && metadata !== null ? metadata : {}) as Record<string, unknown>;
  const path = [mesh, name ?? inner["name"]].filter((part) => typeof part === "string" && part !== "").join("/");
  return [type ?? kind, path].filter((part) => typeof part === "string" && part !== "").join(" ");
}

const invalid = (reason: string) => `YAML contains invalid resource: ${reason}`;
const shown = (violations: readonly Violation[]): string => violations.map(({ field, reason }) => `${field}: ${reason}`).join("; ");

function readDocument(raw: unknown): Omit<ReadDocument, "place"> {
  const { type, kind: kubernetesKind, metadata } = (raw ?? {}) as { type?: unknown; kind?: unknown; metadata?: unknown };
  const named = String(type ?? kubernetesKind ?? "");
  // Without it the document is not of the Kubernetes form, and its kind counts for nothing.
  if (type === undefined && kubernetesKind !== undefined && metadata === undefined)
    throw new CtlError(invalid(`metadata: cannot be empty in a document with "kind"`));
  // The control plane adds the defaults; the mesh of kinds with a schema is one that kumactl adds, too.
  const parsed = parseDocument(raw, { asWritten: true, defaultMesh: kindOf(named)?.plugin ? "default" : "" });
  if (!parsed.ok) {
    if (parsed.parseError !== undefined) {
      const reason = JSON.stringify(`error unmarshaling JSON: while decoding JSON: ${parsed.parseError}`);
      throw new CtlError(invalid(`invalid ${named} object: ${reason}`));
    }
    const unknown = parsed.violations[0]?.field === "type";
    throw new CtlError(invalid(unknown ? `invalid resource type ${JSON.stringify(named)}` : shown(parsed.violations)));
  }
  const violations = validateMeta(parsed.resource);
  if (violations.length > 0) throw new CtlError(shown(violations));
  return { raw, resource: parsed.resource, kind: kindOf(parsed.resource.type)! };
}

export const collectionPath = (kind: Kind, mesh: string): string =>
  kind.scope === "mesh" ? `/meshes/${encodeURIComponent(mesh)}/${kind.path}` : `/${kind.path}`;

export const itemPath = (kind: Kind, mesh: string, name: string): string => `${collectionPath(kind, mesh)}/${encodeURIComponent(name)}`;
