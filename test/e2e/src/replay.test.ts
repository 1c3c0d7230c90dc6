import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { startProcess } from "@atoll/testkit/process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connection, mesh, MeshBed, openMesh } from "./mesh-bed.ts";
import { rest } from "./rest.ts";
import { stackKind } from "./test-stack.ts";

// What real Envoys were told under random changes comes out of an exported log again, to the byte. An hour of it:
// ATOLL_REPLAY_MINUTES=60 npm test -- test/e2e/src/replay.test.ts
const minutes = Number(process.env["ATOLL_REPLAY_MINUTES"] ?? 0);
const fewest = 30;
const seed = Number(process.env["ATOLL_REPLAY_SEED"] ?? 1);
const zones = ["east", "west", "north"] as const;
let bed: MeshBed;
let callerAdmin: number;

interface Sent {
  zone: string;
  proxies: { nodeId: string; revision: number; resources: Record<string, Record<string, string>> }[];
}

beforeAll(async () => {
  bed = await MeshBed.start(32_600, { zones: [...zones] });
  for (const document of [mesh("default"), ...openMesh()]) await bed.atoll.apply(document);
  const [, , caller] = await Promise.all([
    bed.zoneProxy("ZoneIngress", "ingress-1", "west"),
    bed.service("web", "web-1", { zone: "west" }),
    bed.service("caller", "caller-1", { outbound: { 20: "web" } }),
    bed.service("other", "other-1", { zone: "north", outbound: { 21: "web" } }),
  ]);
  callerAdmin = caller.admin;
  for (const number of [20, 21]) await eventually(() => bed.answers(number, 200), { limitMs: 90_000 });
}, 240_000);

afterAll(async () => expect(await bed?.close()).toEqual([]), 60_000);

const sentBy = async (zone: string): Promise<Sent> =>
  (await rest(`http://127.0.0.1:${bed.atoll.zone(zone).xdsDiagnostics[0]}/debug/sent`)).json<Sent>();

/** The same numbers for the same seed. */
function drawn(from: number): (below: number) => number {
  let state = from >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomDocument(draw: (below: number) => number) {
  const to = ["web", "caller", "other"][draw(3)]!;
  const made = [
    () => connection("Timeout", `timeout-${draw(2)}`, { to, conf: { connectTimeout: `${1 + draw(20)}s` } }),
    () => connection("Retry", "retry", { to, conf: { http: { numRetries: 1 + draw(5) } } }),
    () => connection("CircuitBreaker", "breaker", { to, conf: { thresholds: { maxConnections: 10 + draw(90) } } }),
    () => connection("TrafficPermission", `allow-${draw(2)}`, { from: "caller", to }),
    () =>
      connection("HealthCheck", "probe", {
        to,
        conf: { interval: `${10 + draw(20)}s`, timeout: "2s", unhealthyThreshold: 3, healthyThreshold: 1, tcp: {} },
      }),
  ];
  return made[draw(made.length)]!();
}

test.skipIf(stackKind === "kafka")(
  "what proxies of three zones were told under random changes comes out of an exported log again, to the byte",
  async () => {
    const draw = drawn(seed);
    const recorded = new Map<string, Sent>();
    const end = Date.now() + minutes * 60_000;
    const record = async (revision: number): Promise<void> => {
      await bed.atoll.applied(revision);
      for (const zone of zones) {
        const sent = await eventually(
          async () => {
            const now = await sentBy(zone);
            expect(now.proxies.length).toBeGreaterThan(0);
            for (const proxy of now.proxies) expect(proxy.revision).toBe(revision);
            return now;
          },
          { limitMs: 20_000 },
        );
        recorded.set(`${zone}-${revision}`, sent);
      }
    };
    const present = new Map<string, ReturnType<typeof randomDocument>>();
    for (let round = 0; round < fewest || Date.now() < end; round++) {
      const document = randomDocument(draw);
      const key = `${String(document["type"])}/${String(document["name"])}`;
      const isGone = present.has(key) && draw(3) === 0;
      const revision = isGone ? await bed.atoll.remove(document) : await bed.atoll.apply(document);
      if (isGone) present.delete(key);
      else present.set(key, document);
      await record(revision);
    }
    // Others come out for others: a hash that never moves would prove nothing.
    const hashes = new Set(
      [...recorded.values()].filter(({ zone }) => zone === "east").map(({ proxies }) => JSON.stringify(proxies[0]!.resources)),
    );
    expect(hashes.size).toBeGreaterThan(3);

    const file = join(bed.atoll.stack.workDir, "window.jsonl.gz");
    const exported = await atoll("log", "export", file);
    expect(exported, exported.output).toMatchObject({ code: 0 });
    for (const zone of zones) {
      // One run for all of them: each recorded proxy says its revision.
      const all = [...recorded.values()].filter((sent) => sent.zone === zone);
      const together = join(bed.atoll.stack.workDir, `sent-${zone}.json`);
      writeFileSync(together, JSON.stringify({ ...all[0], proxies: all.flatMap(({ proxies }) => proxies) }));
      const replayed = await atoll("replay", "--log", file, "--zone", zone, "--sent", together);
      const verdicts = verdictsOf(replayed.output);
      expect(verdicts.filter(({ identical }) => !identical)).toEqual([]);
      expect(verdicts).toHaveLength(all.reduce((sum, { proxies }) => sum + proxies.length, 0));
      expect(verdicts.every(({ resources }) => resources > 0)).toBe(true);
      expect(replayed.code).toBe(0);
    }

    // And Envoy itself says which versions it has.
    const { revision } = await bed.atoll.replica("global");
    const lines = verdictsOf((await atoll("replay", "--log", file, "--zone", "east", "--proxy", "default.caller-1")).output);
    const clusters = lines.find(({ typeUrl }) => typeUrl?.endsWith(".Cluster"))!;
    expect(clusters.revision).toBe(revision);
    const { configs } = (await rest(`http://127.0.0.1:${callerAdmin}/config_dump?resource=dynamic_active_clusters`)).json<{
      configs: { version_info: string; cluster: { name: string } }[];
    }>();
    expect(clusters.resources).toEqual(Object.fromEntries(configs.map(({ version_info, cluster }) => [cluster.name, version_info])));

    // A window that was tampered with, or a record of something else, is told apart.
    const wrong = await sentBy("east");
    Object.values(wrong.proxies[0]!.resources)[0]!["web"] = "0000000000000000";
    const spoilt = join(bed.atoll.stack.workDir, "spoilt.json");
    writeFileSync(spoilt, JSON.stringify(wrong));
    const told = await atoll("replay", "--log", file, "--zone", "east", "--sent", spoilt);
    expect(told.code).toBe(1);
    expect(told.output).toContain('"sent":"0000000000000000"');
  },
  240_000 + minutes * 90_000,
);

const verdictsOf = (output: string) =>
  output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map(
      (line) => JSON.parse(line) as { identical: boolean; resources: number & Record<string, string>; typeUrl?: string; revision: number },
    );

async function atoll(...args: string[]): Promise<{ code: number | NodeJS.Signals; output: string }> {
  await using run = await startProcess(fileURLToPath(new URL("../../../bin/atoll", import.meta.url)), args, {
    env: {
      ATOLL_GENERAL_WORK_DIR: join(bed.atoll.stack.workDir, "global"),
      ATOLL_MULTIZONE_GLOBAL_KDS_GRPC_PORT: String(bed.atoll.stack.ports.kds),
    },
  });
  const code = await run.exited;
  return { code, output: run.output() };
}
