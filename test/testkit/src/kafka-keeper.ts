import { rmSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { startKafkaBroker } from "./kafka-broker.ts";

// Keeps one broker for all test processes of this repository: `node kafka-keeper.ts <socket>`. Whoever is connected to the socket is told
// where the broker is, or why there is none; when nobody has been for a while, both end.
const [, , socketPath] = process.argv as [string, string, string];
const idleLimitMs = 8_000;

const started = startKafkaBroker();
const word = started.then(
  ({ brokers }) => ({ brokers }),
  (error: Error) => ({ error: error.message }),
);
const users = new Set<Socket>();
let idle: NodeJS.Timeout | undefined;

const server = createServer((socket) => {
  clearTimeout(idle);
  users.add(socket);
  socket.on("error", () => undefined);
  socket.on("close", () => {
    users.delete(socket);
    if (users.size === 0) idle = setTimeout(() => void end(), idleLimitMs);
  });
  void word.then((answer) => socket.write(`${JSON.stringify(answer)}\n`));
});
server.on("error", () => process.exit(1));
server.listen(socketPath, () => (idle = setTimeout(() => void end(), idleLimitMs)));

async function end(): Promise<void> {
  rmSync(socketPath, { force: true });
  server.close();
  await started.then(
    (broker) => broker.close(),
    () => undefined,
  );
  process.exit(0);
}
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void end());
