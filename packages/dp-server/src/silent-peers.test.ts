import { expect, test } from "vitest";
import { SilentPeers } from "./silent-peers.ts";

class Peer {
  bytesRead = 0;
  localPort = 5678;
  remoteAddress = "10.0.0.1";
  remotePort: number;
  destroyed = false;
  constructor(port: number) {
    this.remotePort = port;
  }
  once(): void {}
  destroy(): void {
    this.destroyed = true;
  }
}

test("who is busy is waited for, and only who is gone, idle and silent, or busy for ever is ended", () => {
  let now = 0;
  const said: string[] = [];
  const peers = new SilentPeers({
    isBusy: (peer) => peer !== "10.0.0.1:1",
    machineAnswers: ({ remotePort }) => (remotePort === 3 ? false : remotePort === 4 ? undefined : true),
    onBusy: (peer) => said.push(`${now} busy ${peer}`),
    onBack: (peer, silentMs) => said.push(`${now} back ${peer} after ${silentMs}`),
    onDead: (peer, _, why) => said.push(`${now} dead ${peer}: ${why}`),
    clock: () => now,
    silentMs: 30,
    busyMs: 120,
  });
  const sockets = [0, 1, 2, 3, 4].map((port) => new Peer(port));
  const [talks, idle, busy, gone, unknown] = sockets as [Peer, Peer, Peer, Peer, Peer];
  for (const socket of sockets) peers.watch(socket);
  for (now = 10; now <= 150; now += 10) {
    talks.bytesRead += 17;
    if (now === 90) busy.bytesRead += 17;
    peers.look();
  }
  expect(said).toEqual([
    "30 dead 10.0.0.1:1: it does not answer, and has nothing to work on",
    "30 busy 10.0.0.1:2",
    "30 dead 10.0.0.1:3: its machine does not answer",
    "30 busy 10.0.0.1:4",
    "90 back 10.0.0.1:2 after 90",
    "120 busy 10.0.0.1:2",
    "120 dead 10.0.0.1:4: it has not answered for too long",
  ]);
  expect(sockets.map(({ destroyed }) => destroyed)).toEqual(
    [talks, idle, busy, gone, unknown].map((peer) => ![talks, busy].includes(peer)),
  );
});
