import { randomUUID } from "node:crypto";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "@atoll/testkit/eventually";
import { startKafkaBroker, type KafkaBroker } from "@atoll/testkit/kafka-broker";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import { scratchFolder } from "@atoll/testkit/scratch-folder";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jsonHeaders, rest, type RestAnswer } from "./index.ts";

// Two replicas of global over one Kafka: both take writes at once, and there is one history.
const binary = fileURLToPath(new URL("../../../bin/atoll", import.meta.url));
const base = 29_250;
const replicas = [0, 1] as const;
type Replica = (typeof replicas)[number];

const folder = scratchFolder();
const running = new Map<Replica, StartedProcess>();
let kafka: KafkaBroker;

beforeAll(async () => {
  kafka = await startKafkaBroker();
  await start(0);
  shareKeys(0, 1);
  await start(1);
}, 180_000);

afterAll(async () => {
  for (const one of running.values()) await one.stop(5_000);
  await kafka?.close();
  folder[Symbol.dispose]();
}, 60_000);

const workDir = (replica: number) => join(folder.path, `global-${replica}`);
const url = (replica: number) => `http://127.0.0.1:${base + 10 * replica}`;
const diagnostics = (replica: number) => `http://127.0.0.1:${base + 10 * replica + 1}`;

function shareKeys(from: number, to: number): void {
  mkdirSync(workDir(to), { recursive: true });
  for (const key of ["global.key", "zone.key"]) copyFileSync(join(workDir(from), key), join(workDir(to), key));
}

const environment = (replica: number): Record<string, string> => ({
  ATOLL_LOG_KAFKA_BROKERS: kafka.brokers,
  ATOLL_GENERAL_WORK_DIR: workDir(replica),
  ATOLL_API_SERVER_HTTP_PORT: String(base + 10 * replica),
  ATOLL_DIAGNOSTICS_SERVER_PORT: String(base + 10 * replica + 1),
  ATOLL_MULTIZONE_GLOBAL_KDS_GRPC_PORT: String(base + 10 * replica + 2),
  ATOLL_API_SERVER_HTTPS_PORT: String(base + 10 * replica + 3),
});

async function start(replica: Replica): Promise<void> {
  const started = await startProcess(binary, ["run", "global"], { env: environment(replica) });
  running.set(replica, started);
  await eventually(async () => (await rest(`${diagnostics(replica)}/readyz`)).status === 200, { limitMs: 40_000, everyMs: 30 });
}

async function kill(replica: Replica): Promise<void> {
  running.get(replica)!.signal("SIGKILL");
  await running.get(replica)!.exited;
}

const path = (key: string) => `/meshes/default/traffic-permissions/${key}`;
const permission = (key: string, value: string) => ({
  type: "TrafficPermission",
  mesh: "default",
  name: key,
  sources: [{ match: { "kuma.io/service": value } }],
  destinations: [{ match: { "kuma.io/service": "*" } }],
});
const put = (replica: number, key: string, value: string, condition: Record<string, string> = {}): Promise<RestAnswer> =>
  rest(url(replica) + path(key), {
    method: "PUT",
    headers: { ...jsonHeaders, ...condition },
    body: JSON.stringify(permission(key, value)),
  });

interface ReplicaState {
  revision: number;
  checksum: string;
}
const stateOf = async (replica: number) => (await rest(`${diagnostics(replica)}/debug/replica`)).json<ReplicaState>();

async function agree(): Promise<ReplicaState> {
  return eventually(
    async () => {
      const [one, other] = await Promise.all(replicas.map(stateOf));
      if (one!.revision !== other!.revision) throw new Error(`revisions ${one!.revision} and ${other!.revision}`);
      expect(one!.checksum).toBe(other!.checksum);
      return one!;
    },
    { limitMs: 15_000 },
  );
}

test("a write on either replica is read on the other, with the same revision", async () => {
  for (const replica of replicas) {
    const made = await put(replica, `from-${replica}`, "web");
    expect(made.status).toBe(201);
    const read = await eventually(async () => {
      const answer = await rest(url(1 - replica) + path(`from-${replica}`));
      return answer.status === 200 ? answer : undefined;
    });
    expect(read.json()).toMatchObject({ name: `from-${replica}`, sources: [{ match: { "kuma.io/service": "web" } }] });
  }
  await agree();
});

test("of conditional writes at both replicas at once exactly one wins", async () => {
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all(
      [0, 1, 0, 1].map((replica, index) => put(replica, `race-${round}`, `writer-${index}`, { "if-none-match": "*" })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    const winner = answers.findIndex(({ status }) => status === 201);
    await agree();
    for (const replica of replicas) {
      expect((await rest(url(replica) + path(`race-${round}`))).json()).toMatchObject({
        sources: [{ match: { "kuma.io/service": `writer-${winner}` } }],
      });
    }
  }
});

test(
  "counters that clients of both replicas count up lose no step, while replicas and the broker are killed",
  { timeout: 180_000 },
  async () => {
    const keys = ["a", "b", "c"];
    const steps = new Map(keys.map((key) => [key, 0]));
    let stopped = false;
    for (const key of keys) await put(0, `count-${key}`, "0");
    await agree();

    /** Reads, and writes one more on the condition that nobody wrote in between: an acknowledged write is one step. */
    const client = async (name: number): Promise<void> => {
      while (!stopped) {
        const key = keys[name % keys.length]!;
        try {
          const read = await rest(url(name % 2) + path(`count-${key}`));
          if (read.status !== 200) continue;
          const value = Number(
            read.json<{ sources: { match: Record<string, string> }[] }>().sources[0]!.match["kuma.io/service"]!.split("-")[0],
          );
          const revision = String(read.headers["etag"] ?? "").replaceAll('"', "");
          const answer = await put(name % 2, `count-${key}`, `${value + 1}-${randomUUID()}`, { "if-match": `"${revision}"` });
          if (answer.status === 200) steps.set(key, steps.get(key)! + 1);
        } catch {
          // The replica was killed: who asked does not know, and reads again.
        }
      }
    };
    const clients = Array.from({ length: 6 }, (_, name) => client(name));
    const total = () => [...steps.values()].reduce((sum, count) => sum + count, 0);
    const progress = async () => {
      const from = total();
      await eventually(() => total() > from + 60, { limitMs: 40_000 });
    };
    await progress();
    await kill(1);
    await progress();
    await start(1);
    await progress();
    await kafka.kill();
    await kafka.start();
    await progress();
    await kill(0);
    await progress();
    await start(0);
    await progress();
    stopped = true;
    await Promise.all(clients);
    await agree();

    for (const key of keys) {
      const read = await rest(url(0) + path(`count-${key}`));
      const value = Number(
        read.json<{ sources: { match: Record<string, string> }[] }>().sources[0]!.match["kuma.io/service"]!.split("-")[0],
      );
      // Those whose answer was lost in a crash may count on top; none that was acknowledged is missing.
      expect(value).toBeGreaterThanOrEqual(steps.get(key)!);
      expect(value).toBeLessThanOrEqual(steps.get(key)! + 40);
    }
  },
);

test("a replica with keys of its own is refused, with what to do about it", async () => {
  const stranger = await startProcess(binary, ["run", "global"], { env: { ...environment(3), ATOLL_GENERAL_WORK_DIR: workDir(3) } });
  expect(await stranger.exited).not.toBe(0);
  expect(stranger.output()).toContain("copy global.key and zone.key of another replica");
});
