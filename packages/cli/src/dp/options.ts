import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import { resolveDnsOptions, type DnsFlags, type DnsOptions } from "./dns-options.ts";
import { DpOptionsError } from "./dp-options-error.ts";
import { durationS, wholeNumber } from "./option-values.ts";

/** What `atoll-dp run` was asked to do, from flags and `KUMA_*` / `ATOLL_*` variables. */
export interface DpOptions {
  cpAddress: URL;
  /** PEM of the CA that signed the control plane's certificate; absent = not verified for /bootstrap. */
  caCertPem: string | undefined;
  proxyType: "dataplane" | "ingress" | "egress";
  mesh: string;
  name: string;
  /** To be registered; checked by the control plane, which knows the rules. */
  resource: ProxyDocument | undefined;
  token: string;
  tokenPath: string;
  envoyBinary: string;
  configDir: string | undefined;
  socketDir: string | undefined;
  concurrency: number | undefined;
  envoyLogLevel: string;
  drainTimeS: number;
  readinessPort: number;
  dns: DnsOptions;
  retry: { backoffMs: number; maxDurationMs: number };
}

/** A Dataplane, ZoneIngress or ZoneEgress as the user wrote it. */
export interface ProxyDocument {
  mesh: string;
  name: string;
  json: string;
}

export interface DpFlags extends DnsFlags {
  cpAddress?: string;
  caCertFile?: string;
  proxyType?: string;
  mesh?: string;
  name?: string;
  dataplane?: string;
  dataplaneFile?: string;
  dataplaneToken?: string;
  dataplaneTokenFile?: string;
  dataplaneVar?: string[];
  binaryPath?: string;
  configDir?: string;
  socketDir?: string;
  concurrency?: string;
  logLevel?: string;
  drainTime?: string;
}

/** Flags win over variables, as in kuma-dp. */
export function resolveDpOptions(flags: DpFlags, env: NodeJS.ProcessEnv): DpOptions {
  const variable = (name: string) => env[`ATOLL_${name}`] ?? env[`KUMA_${name}`];
  const proxyType = flags.proxyType ?? variable("DATAPLANE_PROXY_TYPE") ?? "dataplane";
  if (proxyType !== "dataplane" && proxyType !== "ingress" && proxyType !== "egress") {
    throw new DpOptionsError(`--proxy-type: "${proxyType}" is not one of dataplane, ingress, egress`);
  }
  const resource = readResource(flags, variable, proxyType);
  const name = flags.name ?? variable("DATAPLANE_NAME") ?? "";
  const mesh = flags.mesh ?? variable("DATAPLANE_MESH") ?? "";
  if (resource !== undefined && (flags.name !== undefined || flags.mesh !== undefined)) {
    throw new DpOptionsError("--name and --mesh cannot be given together with --dataplane or --dataplane-file");
  }
  if (resource === undefined && name === "") throw new DpOptionsError("--name is required unless --dataplane-file is given");
  const tokenPath = flags.dataplaneTokenFile ?? variable("DATAPLANE_RUNTIME_TOKEN_PATH") ?? "";
  const token = (
    tokenPath !== "" ? readText("--dataplane-token-file", tokenPath) : (flags.dataplaneToken ?? variable("DATAPLANE_RUNTIME_TOKEN") ?? "")
  ).trim();
  if (token !== "" && !isJwt(token)) throw new DpOptionsError("the dataplane token is not a JWT");
  const caFile = flags.caCertFile ?? variable("CONTROL_PLANE_CA_CERT_FILE");
  const concurrency = flags.concurrency ?? variable("DATAPLANE_RUNTIME_CONCURRENCY");
  return {
    cpAddress: parseAddress(flags.cpAddress ?? variable("CONTROL_PLANE_URL") ?? "https://localhost:5678"),
    caCertPem: caFile !== undefined ? readText("--ca-cert-file", caFile) : variable("CONTROL_PLANE_CA_CERT"),
    proxyType,
    mesh: resource?.mesh ?? (proxyType === "dataplane" ? mesh || "default" : ""),
    name: resource?.name ?? name,
    resource,
    token,
    tokenPath,
    envoyBinary: flags.binaryPath ?? variable("DATAPLANE_RUNTIME_BINARY_PATH") ?? env.ENVOY_PATH ?? "envoy",
    configDir: flags.configDir ?? variable("DATAPLANE_RUNTIME_CONFIG_DIR"),
    socketDir: flags.socketDir ?? variable("DATAPLANE_RUNTIME_SOCKET_DIR"),
    concurrency: concurrency === undefined ? undefined : wholeNumber("--concurrency", concurrency),
    envoyLogLevel: flags.logLevel ?? "info",
    drainTimeS: durationS("--drain-time", flags.drainTime ?? variable("DATAPLANE_DRAIN_TIME") ?? "30s"),
    readinessPort: wholeNumber("KUMA_READINESS_PORT", variable("READINESS_PORT") ?? "9902"),
    dns: resolveDnsOptions(flags, variable),
    retry: {
      backoffMs: 1_000 * durationS("KUMA_CONTROL_PLANE_RETRY_BACKOFF", variable("CONTROL_PLANE_RETRY_BACKOFF") ?? "1s"),
      maxDurationMs: 1_000 * durationS("KUMA_CONTROL_PLANE_RETRY_MAX_DURATION", variable("CONTROL_PLANE_RETRY_MAX_DURATION") ?? "5m"),
    },
  };
}

function readResource(
  flags: DpFlags,
  variable: (name: string) => string | undefined,
  proxyType: DpOptions["proxyType"],
): ProxyDocument | undefined {
  const path = flags.dataplaneFile ?? variable("DATAPLANE_RUNTIME_RESOURCE_PATH");
  const flag = path === undefined ? "--dataplane" : "--dataplane-file";
  const text = path !== undefined ? readText(flag, path) : (flags.dataplane ?? variable("DATAPLANE_RUNTIME_RESOURCE"));
  if (text === undefined || text === "") return undefined;
  let document: unknown;
  try {
    document = parseYaml(fillVariables(text, flags.dataplaneVar ?? []));
  } catch (error) {
    if (error instanceof DpOptionsError) throw error;
    throw new DpOptionsError(`${flag}: not YAML: ${(error as Error).message}`);
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw new DpOptionsError(`${flag}: holds no document with type, name and networking`);
  }
  return proxyDocument(flag, document as Record<string, unknown>, proxyType);
}

const resourceTypes = { dataplane: "Dataplane", ingress: "ZoneIngress", egress: "ZoneEgress" };

function proxyDocument(flag: string, document: Record<string, unknown>, proxyType: DpOptions["proxyType"]): ProxyDocument {
  const { type, name, mesh = "default" } = document;
  const expected = resourceTypes[proxyType];
  if (type !== expected) {
    throw new DpOptionsError(`${flag}: type ${JSON.stringify(type)} does not fit --proxy-type=${proxyType}, which wants ${expected}`);
  }
  if (typeof name !== "string" || name === "") throw new DpOptionsError(`${flag}: name has to be a text that is not empty`);
  if (typeof mesh !== "string") throw new DpOptionsError(`${flag}: mesh has to be a text`);
  const noTime = "0001-01-01T00:00:00Z";
  const { type: _type, mesh: _mesh, name: _name, creationTime: _created, modificationTime: _modified, ...rest } = document;
  const inMesh = proxyType === "dataplane" ? { mesh } : {};
  const json = JSON.stringify({ type, ...inMesh, name, creationTime: noTime, modificationTime: noTime, ...rest });
  return { mesh: proxyType === "dataplane" ? mesh : "", name, json };
}

/** Replaces `{{ name }}` (or `{{{ name }}}`) by the value of `--dataplane-var name=value`; a name without a value by nothing. */
export function fillVariables(text: string, assignments: readonly string[]): string {
  const values = new Map<string, string>();
  for (const one of assignments) {
    const at = one.indexOf("=");
    if (at < 1) throw new DpOptionsError(`--dataplane-var: "${one}" is not of the form name=value`);
    values.set(one.slice(0, at), one.slice(at + 1));
  }
  return text.replace(
    /\{\{\{\s*([\w.-]+)\s*\}\}\}|\{\{\s*&?\s*([\w.-]+)\s*\}\}/g,
    (_whole, raw?: string, name?: string) => values.get(raw ?? name!) ?? "",
  );
}

function readText(flag: string, path: string): string {
  try {
    return readFileSync(path === "-" ? 0 : path, "utf8");
  } catch (error) {
    throw new DpOptionsError(`${flag}: cannot read ${path}: ${(error as Error).message}`);
  }
}

/** Whether it has the form of one; only the control plane can tell whether it is good. */
function isJwt(token: string): boolean {
  const parts = token.split(".");
  try {
    return parts.length === 3 && typeof JSON.parse(Buffer.from(parts[0]!, "base64url").toString("utf8")) === "object";
  } catch {
    return false;
  }
}

function parseAddress(text: string): URL {
  if (!URL.canParse(text)) throw new DpOptionsError(`--cp-address: "${text}" is not a URL`);
  const url = new URL(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw new DpOptionsError(`--cp-address: "${text}" has to start with https://`);
  return url;
}
