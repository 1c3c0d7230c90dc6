import { execFileSync } from "node:child_process";
import { constants, openSync, rmSync } from "node:fs";
import { connect, Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Envoy's pipe paths are cut so that they fit a socket address. */
const maxPathLength = 98;

export const accessLogPipe = (folder: string, name: string, mesh: string): string =>
  `${join(folder, `kuma-al-${name}-${mesh}`).slice(0, maxPathLength)}.sock`;

/**
 * Reads the lines `address;message` that Envoy writes into a named pipe and forwards each message to its TCP address, one
 * connection per address. Lines are dropped while an address cannot be reached.
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
  const sockets = new Map<string, Socket>();
  const lines = createInterface({ input: stream });
  lines.on("line", (line) => {
    const at = line.indexOf(";");
    if (at < 1) return;
    socketTo(line.slice(0, at)).write(`${line.slice(at + 1)}\n`);
  });
  stream.on("error", (error) => say(`access log pipe: ${error.message}`));

  function socketTo(address: string): Socket {
    const known = sockets.get(address);
    if (known !== undefined && !known.destroyed) return known;
    const colon = address.lastIndexOf(":");
    const socket = connect({ host: address.slice(0, colon), port: Number(address.slice(colon + 1)) });
    socket.on("error", (error) => say(`access logs to ${address}: ${error.message}`));
    socket.on("close", () => sockets.delete(address));
    sockets.set(address, socket);
    return socket;
  }

  return {
    close: () => {
      lines.close();
      stream.destroy();
      for (const socket of sockets.values()) socket.destroy();
      rmSync(path, { force: true });
    },
  };
}
