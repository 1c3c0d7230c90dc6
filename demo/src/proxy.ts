import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { envoyBinary } from "@atoll/testkit/envoy";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import { stringify } from "yaml";
import type { Stack, StackZone } from "./stack.ts";

export interface ProxyDocument {
  type: "Dataplane" | "ZoneIngress" | "ZoneEgress";
  mesh?: string;
  name: string;
  networking: { admin?: { port: number }; [key: string]: unknown };
  [key: string]: unknown;
}

/** `ATOLL_TEST_DP` names another launcher, such as kuma-dp, which takes the same options. */
const binary = process.env["ATOLL_TEST_DP"] ?? fileURLToPath(new URL("../../bin/atoll-dp", import.meta.url));
const proxyTypes = { Dataplane: "dataplane", ZoneIngress: "ingress", ZoneEgress: "egress" } as const;

/** Asks global for the token this proxy needs. */
export async function requestProxyToken(stack: Stack, zone: string, document: ProxyDocument): Promise<string> {
  const [path, body] =
    document.type === "Dataplane"
      ? ["dataplane", { mesh: document.mesh, name: document.name, validFor: "24h" }]
      : ["zone", { zone, scope: [proxyTypes[document.type]], validFor: "24h" }];
  const answer = await fetch(`${stack.url}/tokens/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (answer.status !== 200) throw new Error(`no token for ${document.name}: ${answer.status} ${text}`);
  return text;
}

export interface ProxyOptions {
  token?: string;
  /** Of `atoll-dp`. */
  env?: Record<string, string>;
  /** Where the zone's xDS server is reached, if not at its own address. */
  cpAddress?: string;
  /** A command that runs the command after it, such as in another network. */
  through?: readonly string[];
}

/** Starts `atoll-dp run` and its Envoy for this document, with a token of its own. */
export async function startProxy(
  stack: Stack,
  zone: StackZone,
  document: ProxyDocument,
  options: ProxyOptions = {},
): Promise<StartedProcess> {
  const folder = join(stack.workDir, "proxies");
  mkdirSync(folder, { recursive: true });
  const name = `${document.mesh ?? ""}.${document.name}`;
  const file = join(folder, `${name}.yaml`);
  const tokenFile = join(folder, `${name}.token`);
  writeFileSync(file, stringify(document));
  writeFileSync(tokenFile, options.token ?? (await requestProxyToken(stack, zone.name, document)), { mode: 0o600 });
  const [command, ...args] = [...(options.through ?? []), binary];
  return startProcess(
    command!,
    [
      ...args,
      "run",
      `--cp-address=${options.cpAddress ?? zone.dpAddress}`,
      `--ca-cert-file=${stack.caFile(zone.name)}`,
      `--proxy-type=${proxyTypes[document.type]}`,
      `--dataplane-file=${file}`,
      `--dataplane-token-file=${tokenFile}`,
      "--concurrency=1",
      "--envoy-log-level=warning",
    ],
    {
      env: {
        ENVOY_PATH: envoyBinary(),
        KUMA_DATAPLANE_RUNTIME_BINARY_PATH: envoyBinary(),
        KUMA_READINESS_PORT: "0",
        KUMA_DATAPLANE_DRAIN_TIME: "1s",
        ...options.env,
      },
    },
  );
}
