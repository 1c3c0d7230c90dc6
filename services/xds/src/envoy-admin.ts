import { get } from "node:http";
import type { ProxyQuery } from "@atoll/kds";
import type { ResourceReader } from "@atoll/replica";

/** What is asked of Envoy itself. */
type EnvoyQuery = Exclude<ProxyQuery, { subject: "explain" }>;

const defaultAdminPort = 9901;
const timeoutMs = 5_000;

/** Asks a proxy's Envoy, whose admin interface listens on the loopback of the machine both run on. */
export async function queryEnvoy(resources: ResourceReader, query: EnvoyQuery): Promise<Uint8Array> {
  const { type, mesh, name } = query.proxy;
  const resource = resources.get<{ networking?: { address?: string; admin?: { port?: number } } }>(type, mesh, name);
  if (resource === undefined) throw new Error(`${type} ${name} is not found`);
  const port = resource.spec.networking?.admin?.port ?? defaultAdminPort;
  const path =
    query.subject === "config-dump"
      ? `/config_dump${query.includeEds ? "?include_eds" : ""}`
      : `/${query.subject}${query.format === "json" ? "?format=json" : ""}`;
  return fetchAdmin(port, path);
}

function fetchAdmin(port: number, path: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const call = get({ host: "127.0.0.1", port, path, timeout: timeoutMs }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        response.statusCode === 200 ? resolve(Buffer.concat(chunks)) : reject(new Error(`Envoy answered ${response.statusCode}`)),
      );
      response.on("error", reject);
    });
    call.on("timeout", () => call.destroy(new Error(`Envoy did not answer within ${timeoutMs} ms`)));
    call.on("error", (error) => reject(new Error(`cannot reach Envoy's admin interface: ${error.message}`)));
  });
}
