import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { withStack } from "./bench-stack.ts";
import { residentMb } from "./process-memory.ts";
import { unrelatedRoute, writeRoutes } from "./unrelated-routes.ts";

export interface SizeOptions {
  resources: number;
  signal: AbortSignal;
  onProgress: (message: string) => void;
}

export interface SizeResult {
  resources: number;
  /** Of one resource as it is written. */
  resourceBytes: number;
  processes: { name: string; emptyMb: number; fullMb: number; restartedMs: number }[];
  /** Files of global's and the zone's log, and of a backup. */
  globalLogMb: number;
  zoneLogMb: number;
  backupMb: number;
  backupMs: number;
}

const binary = fileURLToPath(new URL("../../../bin/atoll", import.meta.url));
const megabytes = (file: string): number => statSync(file).size / 2 ** 20;

/** What so many resources cost in memory, on disk, at a restart and in a backup. Each is changed once after it was made. */
export async function measureSize({ resources, signal, onProgress }: SizeOptions): Promise<SizeResult> {
  return withStack({ zones: ["east"], kind: "embedded", onProgress }, async ({ stack }) => {
    const services = stack.services.filter(({ name }) => name !== "tokens");
    const emptyMb = services.map(({ process }) => residentMb(process.pid));
    for (const round of [1, 2]) {
      onProgress(`${round === 1 ? "write" : "change"} ${resources} resources`);
      await writeRoutes(stack, resources, round, signal);
    }
    const diagnostics = [stack.ports.diagnostics, stack.zones["east"]!.ports.diagnostics, stack.zones["east"]!.ports.xdsDiagnostics];
    const revision = async (port: number) =>
      ((await (await fetch(`http://127.0.0.1:${port}/debug/replica`)).json()) as { revision: number }).revision;
    const head = await revision(diagnostics[0]!);
    for (const port of diagnostics) await eventually(async () => (await revision(port)) >= head, { limitMs: 60_000, everyMs: 50 });
    const fullMb = services.map(({ process }) => residentMb(process.pid));

    const backup = join(stack.workDir, "backup.jsonl.gz");
    const began = performance.now();
    execFileSync(binary, ["log", "export", backup], {
      env: {
        ...process.env,
        ATOLL_GENERAL_WORK_DIR: join(stack.workDir, "global"),
        ATOLL_MULTIZONE_GLOBAL_KDS_GRPC_PORT: String(stack.ports.kds),
      },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const backupMs = performance.now() - began;
    const restartedMs: number[] = [];
    for (const service of services) {
      onProgress(`restart ${service.name}`);
      await service.stop();
      await service.start();
      restartedMs.push(service.readyAfterMs);
    }
    return {
      resources,
      resourceBytes: JSON.stringify(unrelatedRoute(resources - 1, 2)).length,
      processes: services.map(({ name }, index) => ({
        name,
        emptyMb: emptyMb[index]!,
        fullMb: fullMb[index]!,
        restartedMs: restartedMs[index]!,
      })),
      globalLogMb: megabytes(join(stack.workDir, "global", "log.sqlite")),
      zoneLogMb: megabytes(join(stack.workDir, "zone-east", "log.sqlite")),
      backupMb: megabytes(backup),
      backupMs,
    };
  });
}
