import { readYamlStream, YamlError, type YamlDocument } from "@atoll/yaml";
import type { ApiClient } from "../client.ts";
import { CtlError } from "../ctl-error.ts";
import { nextOffset, type Page } from "../output.ts";

/** What a migration starts from: documents as they were written, of kinds known and unknown. */
export interface Source {
  /** For the report and for the history: "an export of Kuma 2.10.11". */
  name: string;
  documents: unknown[];
}

/** Reads an export of `kumactl`, or any YAML with documents in universal or Kubernetes form. @throws CtlError if it is no YAML */
export function readExport(text: string): Source {
  const documents = documentsOf(text).flatMap(({ value }) => (value === null ? [] : [value]));
  if (documents.length === 0) throw new CtlError("the export holds no documents");
  const [, product, version] = /^# Product: ([^,\n]+), Version: ([^,\n]+)/m.exec(text) ?? [];
  return { name: product === undefined ? "a file" : `an export of ${product} ${version}`, documents };
}

function documentsOf(text: string): YamlDocument[] {
  try {
    return readYamlStream(text);
  } catch (error) {
    throw error instanceof YamlError ? new CtlError(`the export is not YAML: ${error.message}`) : error;
  }
}

interface ListedType {
  name: string;
  path: string;
  scope: "Mesh" | "Global";
  /** Atoll, asked as a source, says it too. */
  readOnly?: boolean;
  includeInFederation?: boolean;
}

/** Made by control planes for themselves, from what they observe. */
const observed = /Insight$/;

/** Reads everything that a global holds over its REST API, secrets too: the caller has to be an admin there. */
export async function readControlPlane(client: ApiClient, url: string): Promise<Source> {
  const index = await client.json<{ product?: string; version?: string }>("GET", "/");
  const { resources } = await client.json<{ resources: ListedType[] }>("GET", "/_resources");
  const meshes = await pages(client, "/meshes");
  const documents: unknown[] = [];
  for (const { name, path, scope } of resources.filter((each) => !observed.test(each.name))) {
    const paths = scope === "Global" ? [`/${path}`] : meshes.map((mesh) => `/meshes/${encodeURIComponent(mesh.name)}/${path}`);
    for (const one of paths) documents.push(...(await pages(client, one)).map((document) => ({ ...document, type: name })));
  }
  return { name: `${index.product ?? "a control plane"} ${index.version ?? ""} at ${new URL(url).host}`, documents };
}

async function pages(client: ApiClient, path: string): Promise<{ name: string }[]> {
  const found: { name: string }[] = [];
  for (let offset = "0"; offset !== "";) {
    const page = await client.json<Page<{ name: string }>>("GET", `${path}?size=1000&offset=${offset}`);
    found.push(...page.items);
    offset = nextOffset(page);
  }
  return found;
}
