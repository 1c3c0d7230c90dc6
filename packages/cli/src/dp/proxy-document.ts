import { kindOf, parseDocument, validateMeta } from "@atoll/resource";
import { readYamlStream, YamlError, type YamlDocument } from "@atoll/yaml";
import { InputError } from "../input/input-error.ts";
import { fillTemplate } from "../input/template.ts";
import { DpOptionsError } from "./dp-options-error.ts";

/** A Dataplane, ZoneIngress or ZoneEgress as the user wrote it. */
export interface ProxyDocument {
  mesh: string;
  name: string;
  json: string;
}

export type ProxyType = "dataplane" | "ingress" | "egress";

const resourceTypes: Readonly<Record<ProxyType, string>> = { dataplane: "Dataplane", ingress: "ZoneIngress", egress: "ZoneEgress" };

/**
 * Reads what a proxy brings: the first document of a template, as kuma-dp does. `where` names the flag and the file. `notice` is told
 * what is left aside. @throws DpOptionsError that says where and what
 */
export function readProxyDocument(
  where: string,
  text: string,
  { values, proxyType, notice }: { values: Readonly<Record<string, string>>; proxyType: ProxyType; notice: (text: string) => void },
): ProxyDocument {
  const [first, ...others] = documentsOf(where, text, values).filter(({ value }) => value !== null);
  if (first === undefined) throw new DpOptionsError(`${where} is empty`);
  if (others.length > 0) notice(`${where} holds ${others.length + 1} documents: only the first one counts`);
  if (typeof first.value !== "object" || Array.isArray(first.value))
    throw new DpOptionsError(`${where} holds no document with type, name and networking`);
  const document = first.value as Record<string, unknown>;
  const { type, name, mesh = "default" } = document;
  const expected = resourceTypes[proxyType];
  if (type !== expected) {
    throw new DpOptionsError(`${where}: type ${JSON.stringify(type)} does not fit --proxy-type=${proxyType}, which wants ${expected}`);
  }
  if (typeof name !== "string" || name === "") throw new DpOptionsError(`${where}: name has to be a text that is not empty`);
  if (typeof mesh !== "string") throw new DpOptionsError(`${where}: mesh has to be a text`);
  checkSpec(where, document, mesh);
  const noTime = "0001-01-01T00:00:00Z";
  const { type: _type, mesh: _mesh, name: _name, creationTime: _created, modificationTime: _modified, ...rest } = document;
  const inMesh = proxyType === "dataplane" ? { mesh } : {};
  const json = JSON.stringify({ type, ...inMesh, name, creationTime: noTime, modificationTime: noTime, ...rest });
  return { mesh: proxyType === "dataplane" ? mesh : "", name, json };
}

function documentsOf(where: string, text: string, values: Readonly<Record<string, string>>): YamlDocument[] {
  try {
    return readYamlStream(fillTemplate(text, values));
  } catch (error) {
    if (error instanceof YamlError) throw new DpOptionsError(`${where}: not YAML: ${error.message}`);
    throw error instanceof InputError ? new DpOptionsError(`${where}: ${error.message}`) : error;
  }
}

/** The control plane would refuse it, too; here nothing has started yet. */
function checkSpec(where: string, document: Record<string, unknown>, mesh: string): void {
  const kind = kindOf(document["type"] as string)!;
  const parsed = parseDocument(kind.scope === "mesh" ? { ...document, mesh } : document, { kind });
  if (!parsed.ok && parsed.parseError !== undefined) throw new DpOptionsError(`${where}: ${parsed.parseError}`);
  const violations = parsed.ok ? validateMeta(parsed.resource) : (parsed.violations ?? []);
  if (violations.length > 0)
    throw new DpOptionsError([`${where}:`, ...violations.map(({ field, reason }) => `  ${field}: ${reason}`)].join("\n"));
}
