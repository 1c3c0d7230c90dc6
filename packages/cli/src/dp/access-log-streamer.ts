import { execFileSync } from "node:child_process";
import { constants, openSync, rmSync } from "node:fs";
import { connect, Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Envoy's pipe paths are cut so that they fit a socket address. */
const maxPathLength = 98;

export const accessLogPipe = (folder: string, name: string, mesh: string): string =>
  `${join(folder, `kuma-al-${name}-${mesh}`).slice(0, maxPathLength)}.sock`;

/** What may wait in memory for an address that takes its logs slowly. */
const waitingBytesLimit = 1 << 20;
/** How long lines for an address are dropped after it could not be reached. */
const pauseMs = 1_000;

/**
 * Reads the lines that Envoy writes into a named pipe, `address;message` or `{"address": ..., "message": ...}` with a text or fields, and
 * forwards each message to its TCP address, one connection per address. Lines are dropped while an address cannot be reached, or is too slow.
 */
export function startAccessLogStreamer(folder: string, name: string, mesh: string, say: (message: string) => void): { close(): void } {
  const path = accessLogPipe(folder, name, mesh);
  rmSync(path, { force: true });
  try {
    execFileSync("mkfifo", ["-m", "600", path]);
  } catch (error) {
    say(`no access logs over TCP: cannot make ${path}: ${(error as Error).message}`);
    return { close: () => {} };
  }
  // Open for reading and writing, so that neither this open nor Envoy's waits for the other side; a socket, so that no thread waits in read().
  const stream = new Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK), readable: true, writable: false });
  const sinks = new Map<string, LogSink>();
  const lines = createInterface({ input: stream });
  lines.on("line", (line) => {
    const entry = parseLine(line);
    if (entry === undefined) return;
    let sink = sinks.get(entry.address);
    if (sink === undefined) sinks.set(entry.address, (sink = new LogSink(entry.address, say)));
    sink.write(entry.message);
  });
  stream.on("error", (error) => say(`access log pipe: ${error.message}`));
  return {
    close: () => {
      lines.close();
      stream.destroy();
      for (const sink of sinks.values()) sink.close();
      rmSync(path, { force: true });
    },
  };
}

/** Undefined for a line that does not say where to. */
export function parseLine(line: string): { address: string; message: string } | undefined {
  const entry = line.startsWith("{")
    ? parseJsonLine(line)
    : { address: line.slice(0, line.indexOf(";")), message: line.slice(line.indexOf(";") + 1) };
  const port = Number(/^.+:(\d{1,5})$/.exec(entry?.address ?? "")?.[1]);
  return port > 0 && port < 65_536 ? entry : undefined;
}

function parseJsonLine(line: string): { address: string; message: string } | undefined {
  try {
    const { address, message } = JSON.parse(line) as { address?: unknown; message?: unknown };
    if (typeof address !== "string" || message === undefined) return undefined;
    return { address, message: typeof message === "string" ? message : JSON.stringify(message) };
  } catch {
    return undefined;
  }
}

class LogSink {
  readonly #address: string;
  readonly #say: (message: string) => void;
  #socket: Socket | undefined;
  #failedAt = -Infinity;

  constructor(address: string, say: (message: string) => void) {
    this.#address = address;
    this.#say = say;
  }

  write(message: string): void {
    const socket = this.#socket ?? this.#connect();
    if (socket !== undefined && socket.writableLength < waitingBytesLimit) socket.write(message.endsWith("\n") ? message : `${message}\n`);
  }

  close(): void {
    this.#socket?.destroy();
  }

  #connect(): Socket | undefined {
    if (performance.now() - this.#failedAt < pauseMs) return undefined;
    const [, host = "", port = ""] = /^(.*):(\d+)$/.exec(this.#address) ?? [];
    const socket = connect({ host: host.replace(/^\[(.*)\]$/, "$1"), port: Number(port) });
    socket.on("error", (error) => {
      this.#failedAt = performance.now();
      this.#say(`access logs to ${this.#address}: ${error.message}`);
    });
    socket.on("close", () => (this.#socket = undefined));
    this.#socket = socket;
    return socket;
  }
}
