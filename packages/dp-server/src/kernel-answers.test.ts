import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect, test } from "vitest";
import { answersIn, kernelAnswers } from "./kernel-answers.ts";

const row = (local: string, remote: string, queued: string, timer: string, retransmits: string) =>
  `   1: ${local} ${remote} 01 ${queued}:00000000 ${timer}:00000014 ${retransmits}     0        0 12345 2 0000000000000000 20 4 30 10 -1`;

test.each([
  ["nothing is under way", row("0100007F:162E", "0A01000A:9C40", "00000000", "00", "00000000"), true],
  ["it has yet to come", row("0100007F:162E", "0A01000A:9C40", "00000411", "01", "00000000"), true],
  ["nobody takes it", row("0100007F:162E", "0A01000A:9C40", "00000411", "01", "00000004"), false],
  ["nobody reads, and the other machine says so", row("0100007F:162E", "0A01000A:9C40", "00080000", "04", "00000003"), true],
  ["another connection", row("0100007F:162E", "0B01000A:9C40", "00000411", "01", "00000004"), undefined],
  [
    "an address of IPv4 on a socket of IPv6",
    row("00000000000000000000000000000000:162E", "0000000000000000FFFF00000A01000A:9C40", "00000411", "01", "00000004"),
    false,
  ],
])("the kernel's table: %s", (_, table, expected) => {
  expect(
    answersIn(`  sl  local_address rem_address\n${table}\n`, { localPort: 5678, remoteAddress: "10.0.1.10", remotePort: 40_000 }),
  ).toBe(expected);
});

test("an address of IPv6", () => {
  const table = row("00000000000000000000000000000000:162E", "B80D0120000000000000000001000000:9C40", "00000411", "01", "00000004");
  expect(answersIn(table, { localPort: 5678, remoteAddress: "2001:db8::1", remotePort: 40_000 })).toBe(false);
});

test.runIf(process.platform === "linux")("a process that stands still has a machine that answers", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const client = spawn(process.execPath, ["-e", `require("node:net").connect(${port}, "127.0.0.1")`]);
  try {
    const [socket] = (await once(server, "connection")) as [Socket];
    client.kill("SIGSTOP");
    socket.write(Buffer.alloc(100_000));
    expect(kernelAnswers({ localPort: port, remoteAddress: socket.remoteAddress!, remotePort: socket.remotePort! })).toBe(true);
    socket.destroy();
  } finally {
    client.kill("SIGKILL");
    server.close();
  }
});
