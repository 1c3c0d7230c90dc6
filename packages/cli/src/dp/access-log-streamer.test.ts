import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { eventually, freePort, scratchFolder } from "@atoll/testkit";
import { afterEach, expect, test } from "vitest";
import { accessLogPipe, parseLine, startAccessLogStreamer } from "./access-log-streamer.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function collector() {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => received.push(text));
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, text: () => received.join(""), connections: () => sockets.size };
}

function start() {
  const folder = scratchFolder();
  const said: string[] = [];
  const streamer = startAccessLogStreamer(folder.path, "web-1", "default", (message) => said.push(message));
  closing.push(
    () => folder[Symbol.dispose](),
    () => streamer.close(),
  );
  return { pipe: accessLogPipe(folder.path, "web-1", "default"), said, streamer };
}

/** Writes as Envoy does: opens the pipe for appending, writes, and keeps it open for a while. */
const write = (pipe: string, text: string) => execFileSync("sh", ["-c", 'printf "%s" "$1" >>"$2"', "sh", text, pipe]);

test("each message goes to its address over one connection, also after the writer came back", async () => {
  const [one, other] = [await collector(), await collector()];
  const { pipe } = start();
  write(pipe, `${one.address};first\n${other.address};elsewhere; with a semicolon\n`);
  write(pipe, `${one.address};second\n`);
  write(pipe, `${JSON.stringify({ address: one.address, message: "as JSON\n" })}\n`);
  write(pipe, `${JSON.stringify({ address: one.address, message: { status: 200, path: "/" } })}\n`);
  await eventually(() => one.text() === 'first\nsecond\nas JSON\n{"status":200,"path":"/"}\n');
  await eventually(() => other.text() === "elsewhere; with a semicolon\n");
  expect(one.connections()).toBe(1);
});

test("an address that cannot be reached costs its own lines alone, and is not dialled for each", async () => {
  const good = await collector();
  const { pipe, said } = start();
  const bad = `127.0.0.1:${await freePort()}`;
  write(pipe, `${bad};lost\n`);
  await eventually(() => said.length === 1);
  for (let turn = 0; turn < 5; turn++) write(pipe, `${bad};lost\n`);
  write(pipe, `${good.address};kept\n`);
  await eventually(() => good.text() === "kept\n");
  expect(said).toEqual([expect.stringContaining(`access logs to ${bad}: `)]);
});

test("a writer that waits for a reader is not kept waiting", async () => {
  const { pipe } = start();
  const writer = spawn("sh", ["-c", 'exec 3>"$1"; echo open', "sh", pipe], { stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve) => writer.stdout.once("data", resolve));
});

test("the pipe goes with the streamer", () => {
  const { pipe, streamer } = start();
  expect(existsSync(pipe)).toBe(true);
  streamer.close();
  expect(existsSync(pipe)).toBe(false);
});

test("the path fits a socket address", () => {
  const path = accessLogPipe("/a/very/long/folder".repeat(6), "name", "mesh");
  expect([path.length, path.endsWith(".sock")]).toEqual([103, true]);
  expect(accessLogPipe("/tmp", "web-1", "default")).toBe("/tmp/kuma-al-web-1-default.sock");
});

test("what names no address is left out", () => {
  const lines = ["no semicolon", ";x", "host;x", "host:0;x", "host:99999;x", "{", '{"address": 1}', '{"address": "host:1"}'];
  expect(lines.map(parseLine)).toEqual(lines.map(() => undefined));
  expect(parseLine("[::1]:9000;a;b")).toEqual({ address: "[::1]:9000", message: "a;b" });
});
