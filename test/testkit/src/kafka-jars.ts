import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureCommand } from "./ensure-command.ts";

/** The folder of the repository: the nearest one above with the workspace's file. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "pnpm-workspace.yaml")) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** The class path of a broker: Maven fetches the jars of `test/testkit/kafka/pom.xml` once, into `.atoll/kafka`. */
export function kafkaClassPath(): string {
  ensureCommand(
    "java",
    ["-version"],
    "default-jre-headless",
    "a Kafka broker needs Java 17 (java on the PATH), or KAFKA_BROKERS=host:port of a running one",
  );
  const pom = join(repositoryRoot(), "test", "testkit", "kafka", "pom.xml");
  const version = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)/.exec(readFileSync(pom, "utf8"))?.[1];
  const home = join(repositoryRoot(), ".atoll", "kafka");
  const jars = join(home, version!);
  const fetching = join(home, "fetching");
  if (!existsSync(jars))
    ensureCommand(
      "mvn",
      ["--version"],
      "maven",
      "the jars of a Kafka broker need Maven (mvn on the PATH), or KAFKA_BROKERS=host:port of a running one",
    );
  while (!existsSync(jars)) {
    if (!takes(fetching)) {
      sleep(200);
      continue;
    }
    try {
      if (!existsSync(jars)) fetchJars(pom, home, jars);
    } finally {
      rmSync(fetching, { recursive: true, force: true });
    }
  }
  return join(jars, "*");
}

/** The folder is complete or absent. */
function fetchJars(pom: string, home: string, jars: string): void {
  const making = mkdtempSync(join(home, "making-"));
  const copy = ["-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${making}`];
  const made = spawnSync("mvn", copy, { encoding: "utf8" });
  if (made.status === 0) return renameSync(making, jars);
  rmSync(making, { recursive: true, force: true });
  const [reason = made.error?.message ?? "it says nothing"] = /\[ERROR\] .*/.exec(`${made.stdout}${made.stderr}`) ?? [];
  throw new Error(`Maven could not fetch the jars of a Kafka broker; KAFKA_BROKERS=host:port of a running one will do, too: ${reason}`);
}

/** Makes the folder that says who fetches; one that is old was left behind. */
function takes(lock: string): boolean {
  try {
    mkdirSync(dirname(lock), { recursive: true });
    mkdirSync(lock);
    return true;
  } catch {
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > 300_000) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}

const sleep = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
