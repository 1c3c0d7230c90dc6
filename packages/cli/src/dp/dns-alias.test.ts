import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort, scratchFolder } from "@atoll/testkit";
import { afterEach, expect, test } from "vitest";
import { startDnsForwarder } from "./dns-forwarder.ts";

const closing: (() => unknown)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

const labels = (name: string): Buffer =>
  Buffer.concat([...name.split(".").map((label) => Buffer.from([label.length, ...Buffer.from(label)])), Buffer.from([0])]);
const nameOf = (question: Buffer): string => {
  const parts: string[] = [];
  for (let at = 12; question[at]! > 0; at += 1 + question[at]!) parts.push(question.toString("latin1", at + 1, at + 1 + question[at]!));
  return parts.join(".");
};

/** A server that knows of each name its address, or the name that it is another name of; of all others that they are not there. */
async function server(known: Record<string, string>): Promise<number> {
  const socket = createSocket("udp4");
  socket.on("message", (question, { port, address }) => {
    const value = known[nameOf(question)];
    const data = value === undefined ? undefined : /^[0-9.]+$/.test(value) ? Buffer.from(value.split(".").map(Number)) : labels(value);
    const reply = Buffer.from(question.subarray(0, 12 + nameOf(question).length + 2 + 4));
    const isAddress = data?.length === 4;
    const fits = data !== undefined && (!isAddress || reply.readUInt16BE(reply.length - 4) === 1);
    // As a cluster's resolver does, which follows the other name and does not find it.
    reply.writeUInt16BE(isAddress ? 0x8180 : 0x8183, 2);
    reply.writeUInt16BE(fits ? 1 : 0, 6);
    reply.writeUInt32BE(0, 8);
    const head = Buffer.from([0xc0, 12, 0, isAddress ? 1 : 5, 0, 1, 0, 0, 0, 30, 0, data?.length ?? 0]);
    socket.send(fits ? Buffer.concat([reply, head, data]) : reply, port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  closing.push(() => socket.close());
  return socket.address().port;
}

test("a name that stands for one of the mesh has the address that Envoy knows", async () => {
  const [folder, port] = [scratchFolder(), await freePort()];
  closing.push(() => folder[Symbol.dispose]());
  const resolvConf = join(folder.path, "resolv.conf");
  writeFileSync(resolvConf, "nameserver 127.0.0.1\n");
  const envoyPort = await server({ "echo.demo.svc.80.mesh": "240.0.0.7" });
  const resolverPort = await server({
    "alias.demo.svc": "echo.demo.svc.80.mesh",
    "elsewhere.demo.svc": "nowhere.example",
    "plain.demo.svc": "10.0.0.1",
  });
  const forwarder = await startDnsForwarder({ port, envoyPort, resolvConf, resolverPort, timeoutMs: 1_000 });
  closing.push(() => forwarder.close());
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${port}`]);
  expect(await resolver.resolve4("alias.demo.svc")).toEqual(["240.0.0.7"]);
  expect(await resolver.resolve4("plain.demo.svc")).toEqual(["10.0.0.1"]);
  await expect(resolver.resolve4("elsewhere.demo.svc")).rejects.toThrow(/ENOTFOUND|ENODATA/);
  await expect(resolver.resolve4("missing.demo.svc")).rejects.toThrow("ENOTFOUND");
});
