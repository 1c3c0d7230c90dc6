import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Backends } from "@atoll/demo/backends";
import { secondGlobalPorts } from "@atoll/demo/ports";
import { Instance, ready } from "@atoll/demo/service";
import type { StackZone } from "@atoll/demo/stack";
import { startProcess } from "@atoll/testkit/process";
import { rest } from "./rest.ts";
import type { TestStack } from "./test-stack.ts";

const binary = fileURLToPath(new URL("../../../bin/atoll", import.meta.url));

export interface SyncStatus {
  role: { writes: boolean; term?: number; writer?: string };
  revision: number;
  checksum: string;
}

/** A second sync service of a zone, which registers with the second of global, and an xDS server that uses either. */
export interface SecondSync {
  sync: Instance;
  xds: Instance;
  /** The zone as proxies of that xDS server see it. */
  zone: StackZone;
  status(): Promise<SyncStatus>;
  inventory(): Promise<unknown>;
  close(): Promise<void>;
}

/** What a zone of several sync services is told, the first one's included: addresses of this machine, and a lease that tests can wait for. */
export const leaseEnv = (relayPort: number): Record<string, string> => ({
  ATOLL_MULTIZONE_ZONE_LEASE_MS: "2000",
  ATOLL_RELAY_ADVERTISED_ADDRESS: `grpcs://127.0.0.1:${relayPort}`,
});

export const syncStatus = async (diagnostics: number): Promise<SyncStatus> =>
  (await rest(`http://127.0.0.1:${diagnostics}/debug/sync`)).json<SyncStatus>();

/** Takes the ports 0 to 9 of the file. `global`: base of the ports of global. */
export async function startSecondSync(atoll: TestStack, zone: StackZone, backends: Backends, globalBase: number): Promise<SecondSync> {
  const ports = { api: atoll.port(0), apiTls: atoll.port(1), relay: atoll.port(2), diagnostics: atoll.port(3) };
  const xdsPorts = { dp: atoll.port(4), diagnostics: atoll.port(5) };
  const { workDir } = atoll.stack;
  const own = join(workDir, `zone-${zone.name}-second`);
  mkdirSync(own, { recursive: true });
  const common = {
    ...backends.zoneEnv(zone.name),
    ATOLL_LOG_LEVEL: "info",
    ATOLL_GENERAL_WORK_DIR: own,
    ATOLL_MULTIZONE_ZONE_NAME: zone.name,
    ATOLL_MULTIZONE_ZONE_TOKEN_FILE: join(workDir, `zone-${zone.name}`, "zone-token"),
  };
  const instance = (name: string, service: string, env: Record<string, string>, diagnostics: number): Instance =>
    new Instance(name, async () => {
      const started = await startProcess(binary, ["run", service], {
        env: { ...common, ATOLL_DIAGNOSTICS_SERVER_PORT: String(diagnostics), ...env },
      });
      await ready(name, started, `http://127.0.0.1:${diagnostics}/readyz`);
      return started;
    });
  const kds = [secondGlobalPorts(globalBase).kds, atoll.stack.ports.kds];
  const sync = instance(
    `zone-${zone.name}-second`,
    "zone",
    {
      ...leaseEnv(ports.relay),
      ATOLL_MULTIZONE_ZONE_GLOBAL_ADDRESS: kds.map((port) => `grpcs://127.0.0.1:${port}`).join(","),
      ATOLL_MULTIZONE_ZONE_KDS_ROOT_CA_FILE: join(workDir, "global", "tls.crt"),
      ATOLL_API_SERVER_HTTP_PORT: String(ports.api),
      ATOLL_API_SERVER_HTTPS_PORT: String(ports.apiTls),
      ATOLL_RELAY_PORT: String(ports.relay),
      ATOLL_MONITORING_ASSIGNMENT_SERVER_PORT: "0",
    },
    ports.diagnostics,
  );
  const both = join(own, "relays.crt");
  const xds = instance(
    `xds-${zone.name}-second`,
    "xds",
    {
      // Proxies trust the zone's xDS servers by the certificate of the first.
      ATOLL_GENERAL_WORK_DIR: join(workDir, `zone-${zone.name}`),
      ATOLL_ZONE_ADDRESS: [ports.relay, zone.ports.relay].map((port) => `grpcs://127.0.0.1:${port}`).join(","),
      ATOLL_ZONE_ROOT_CA_FILE: both,
      ATOLL_DP_SERVER_PORT: String(xdsPorts.dp),
    },
    xdsPorts.diagnostics,
  );
  await sync.start();
  // Each sync service made a certificate of its own.
  const certificates = [own, join(workDir, `zone-${zone.name}`)].map((folder) => readFileSync(join(folder, "tls.crt"), "utf8"));
  writeFileSync(both, certificates.join(""));
  await xds.start();
  return {
    sync,
    xds,
    zone: { ...zone, dpAddress: `https://localhost:${xdsPorts.dp}`, xdsDiagnostics: [xdsPorts.diagnostics] },
    status: () => syncStatus(ports.diagnostics),
    inventory: async () => (await rest(`http://127.0.0.1:${ports.diagnostics}/debug/inventory`)).json(),
    close: async () => {
      for (const one of [xds, sync]) await one.stop();
    },
  };
}
