import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, rmSync, rmdirSync } from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { kafkaClassPath, repositoryRoot } from "./kafka-jars.ts";

/** A running Kafka to test against. Others use it, too: give topics names of your own, and don't stop brokers. */
export interface SharedKafka extends AsyncDisposable {
  /** `host:port`, comma-separated. */
  readonly brokers: string;
  /** For the option `topicPrefix` of a log: nobody else has it. */
  topicPrefix(): string;
  close(): Promise<void>;
}

const startLimitMs = 90_000;
let prefixes = 0;

/**
 * `$KAFKA_BROKERS`, or else a broker from Maven's jars that all test processes share and that ends soon after the last of them. Rejects
 * with a line that says what is missing. For one to kill, see `startKafkaBroker`.
 */
export async function startKafka(): Promise<SharedKafka> {
  const given = process.env["KAFKA_BROKERS"];
  const { brokers, socket } = given ? { brokers: given, socket: undefined } : await joinKeeper();
  const close = async (): Promise<void> => void socket?.destroy();
  return {
    brokers,
    topicPrefix: () => `test-${process.pid}-${Date.now()}-${(prefixes += 1)}.`,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function joinKeeper(): Promise<{ brokers: string; socket: Socket }> {
  // What is missing is said by whoever asked, not by a process in the background.
  kafkaClassPath();
  const place = join(tmpdir(), `atoll-kafka-${createHash("sha256").update(repositoryRoot()).digest("hex").slice(0, 12)}`);
  const socketPath = `${place}.sock`;
  const deadline = performance.now() + startLimitMs;
  while (performance.now() < deadline) {
    const socket = await reach(socketPath);
    const answer = socket && (await firstLine(socket));
    if (answer) {
      const { brokers, error } = JSON.parse(answer) as { brokers?: string; error?: string };
      if (brokers === undefined) throw new Error(`no Kafka broker: ${error}`);
      // Held as long as this process lives, without keeping it alive.
      socket.unref();
      return { brokers, socket };
    }
    await startKeeper(place, socketPath);
    await delay(50);
  }
  throw new Error(`no Kafka broker within ${startLimitMs} ms`);
}

/** One of those who come at the same time starts it. */
async function startKeeper(place: string, socketPath: string): Promise<void> {
  const lock = `${place}.starting`;
  try {
    mkdirSync(lock);
  } catch {
    await delay(100);
    return;
  }
  try {
    if (await reach(socketPath).then((socket) => socket?.destroy() !== undefined)) return;
    rmSync(socketPath, { force: true });
    const script = fileURLToPath(new URL(`./kafka-keeper${extname(import.meta.url)}`, import.meta.url));
    const keeper = spawn(process.execPath, ["--conditions=@atoll/source", "--disable-warning=ExperimentalWarning", script, socketPath], {
      stdio: "ignore",
      detached: true,
      env: { ...process.env, NODE_OPTIONS: "" },
    });
    keeper.unref();
    const until = performance.now() + 10_000;
    for (let socket = await reach(socketPath); ; socket = await reach(socketPath)) {
      if (socket) {
        socket.destroy();
        return;
      }
      if (keeper.exitCode !== null || performance.now() > until) throw new Error("the keeper of the Kafka broker did not start");
      await delay(30);
    }
  } finally {
    rmdirSync(lock);
  }
}

function reach(socketPath: string): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => resolve(socket)).once("error", () => resolve(undefined));
  });
}

function firstLine(socket: Socket): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")));
    });
    socket.on("error", () => undefined);
    socket.once("close", () => resolve(undefined));
  });
}
