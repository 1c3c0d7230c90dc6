import { readFileSync } from "node:fs";
import { kindOf, parseDocument, type Kind, type ResourceDraft } from "@atoll/resource";
import { parseAllDocuments } from "yaml";
import { CtlError } from "./ctl-error.ts";

/** Reads `-` (standard input), a URL or a file. */
export async function readSource(source: string): Promise<string> {
  if (source === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString("utf8");
  }
  if (/^https?:\/\//.test(source)) {
    const answer = await fetch(source, { signal: AbortSignal.timeout(60_000) });
    if (!answer.ok) throw new CtlError(`error while retrieving URL: ${answer.status} ${answer.statusText}`);
    return answer.text();
  }
  try {
    return readFileSync(source, "utf8");
  } catch (error) {
    throw new CtlError(`error while reading provided file: ${(error as Error).message}`);
  }
}

/** Fills `{{ name }}`, nested names with dots included. */
export function fillTemplate(text: string, assignments: readonly string[]): string {
  const values = new Map(
    assignments.map((one) => {
      const at = one.indexOf("=");
      if (at < 1) throw new CtlError(`--var: "${one}" is not of the form name=value`);
      return [one.slice(0, at), one.slice(at + 1)] as const;
    }),
  );
  return values.size === 0 ? text : text.replace(/\{\{\s*([\w.-]+)\s*\}\}/g, (_whole, name: string) => values.get(name) ?? "");
}

/** Every document of a YAML or JSON text, checked here before anything is sent. */
export function parseResources(text: string): { raw: unknown; resource: ResourceDraft; kind: Kind }[] {
  const found: { raw: unknown; resource: ResourceDraft; kind: Kind }[] = [];
  for (const document of parseAllDocuments(text)) {
    if (document.errors.length > 0) throw new CtlError(`YAML contains invalid resource: ${document.errors[0]!.message}`);
    const raw: unknown = document.toJS();
    if (raw === null || raw === undefined) continue;
    const parsed = parseDocument(raw);
    if (!parsed.ok) {
      throw new CtlError(
        `YAML contains invalid resource: ${parsed.violations === undefined ? parsed.parseError : parsed.violations.map((one) => `${one.field}: ${one.reason}`).join("; ")}`,
      );
    }
    const kind = kindOf(parsed.resource.type);
    if (kind === undefined) throw new CtlError(`YAML contains invalid resource: unknown type ${parsed.resource.type}`);
    found.push({ raw, resource: parsed.resource, kind });
  }
  if (found.length === 0) throw new CtlError("no resource(s) passed to apply");
  return found;
}

export const collectionPath = (kind: Kind, mesh: string): string =>
  kind.scope === "mesh" ? `/meshes/${encodeURIComponent(mesh)}/${kind.path}` : `/${kind.path}`;
export const itemPath = (kind: Kind, mesh: string, name: string): string => `${collectionPath(kind, mesh)}/${encodeURIComponent(name)}`;
