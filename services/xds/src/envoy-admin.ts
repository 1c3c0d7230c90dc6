import { request as requestPlain, type IncomingMessage } from "node:http";
import { request as requestSecure } from "node:https";
import type { AdminTls } from "@atoll/certificate";
import type { ProxyQuery } from "@atoll/kds";
import type { ResourceReader } from "@atoll/replica";
import { canonicalHost, dialAddress, loopbackBeside } from "@atoll/resource";

/** What is asked of Envoy itself. */
type EnvoyQuery = Exclude<ProxyQuery, { subject: "explain" | "config" }>;

const defaultAdminPort = 9901;
const timeoutMs = 5_000;

export interface EnvoyAdminOptions {
  resources: ResourceReader;
  /** Where the admin interfaces of Envoys bind, as their bootstrap says; "" = the loopback of the family of their own address. */
  adminAddress: string;
  /** Undefined while the zone's key is unknown. */
  adminTls: AdminTls | undefined;
}

/**
 * Asks a proxy's Envoy: by its admin listener, with mutual TLS, on whatever machine it runs; on this one directly where the proxy's
 * own address is the one that the admin interface binds.
 */
export function queryEnvoy(options: EnvoyAdminOptions, query: EnvoyQuery): Promise<Uint8Array> {
  const path =
    query.subject === "config-dump"
      ? `/config_dump${query.includeEds ? "?include_eds" : ""}`
      : `/${query.subject}${query.format === "json" ? "?format=json" : ""}`;
  return callEnvoy(options, query.proxy, { method: "GET", path });
}

/** Tells a proxy's Envoy to end, in the same way. It may be gone before it has answered. */
export async function quitEnvoy(options: EnvoyAdminOptions, proxy: EnvoyQuery["proxy"]): Promise<void> {
  try {
    await callEnvoy(options, proxy, { method: "POST", path: "/quitquitquit" });
  } catch (error) {
    if (!/socket hang up|ECONNRESET/.test((error as Error).message)) throw error;
  }
}

async function callEnvoy(
  { resources, adminAddress, adminTls }: EnvoyAdminOptions,
  { type, mesh, name }: EnvoyQuery["proxy"],
  call: { method: string; path: string },
): Promise<Uint8Array> {
  const resource = resources.get<{ networking?: { address?: string; admin?: { port?: number } } }>(type, mesh, name);
  if (resource === undefined) throw new Error(`${type} ${name} is not found`);
  const { address = dialAddress(adminAddress || "127.0.0.1"), admin } = resource.spec.networking ?? {};
  const at = { host: address, port: admin?.port ?? defaultAdminPort, ...call, timeout: timeoutMs };
  if (canonicalHost(address) === canonicalHost(adminAddress || loopbackBeside(address)))
    return bodyOf((onAnswer) => requestPlain(at, onAnswer));
  if (adminTls === undefined) throw new Error("the zone's key is not known, by which its Envoys would know this server");
  const { certPem: cert, keyPem: key } = adminTls.controlPlane;
  return bodyOf((onAnswer) =>
    requestSecure({ ...at, ca: adminTls.caPem, cert, key, servername: adminTls.envoyName, agent: false }, onAnswer),
  );
}

function bodyOf(send: (onAnswer: (response: IncomingMessage) => void) => ReturnType<typeof requestPlain>): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const call = send((response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        response.statusCode === 200 ? resolve(Buffer.concat(chunks)) : reject(new Error(`Envoy answered ${response.statusCode}`)),
      );
      response.on("error", reject);
    });
    call.on("timeout", () => call.destroy(new Error(`Envoy did not answer within ${timeoutMs} ms`)));
    call.end();
    call.on("error", (error) => reject(new Error(`cannot reach Envoy's admin interface: ${error.message}`)));
  });
}
