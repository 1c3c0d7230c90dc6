import { createSocket, type Socket } from "node:dgram";
import { readFile } from "node:fs/promises";
import { createConnection, createServer, isIPv6, type Server, type Socket as TcpSocket } from "node:net";
import { danglingAlias, questionFor, withAddresses } from "./dns-alias.ts";
import { addressTypes, DnsQuestion } from "./dns-question.ts";

export interface DnsForwarderOptions {
  /** On the loopback, UDP and TCP. */
  port: number;
  /** Of Envoy, which knows the names of the mesh. */
  envoyPort: number;
  /** Names the machine's own resolvers; read for each question that Envoy leaves open. */
  resolvConf?: string;
  resolverPort?: number;
  /** How long each server may take. */
  timeoutMs?: number;
}

/** FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED: Envoy knows no answer, others may. */
const openAnswers = new Set([1, 2, 3, 4, 5]);
const headerBytes = 12;
const loopbacks = ["127.0.0.1", "::1"];

/**
 * Answers a workload's DNS questions: those about names of the mesh by Envoy, all others by the resolvers of the machine, which get them
 * byte by byte as they were asked.
 */
export async function startDnsForwarder(options: DnsForwarderOptions): Promise<{ close(): void }> {
  const opened: { close(): void }[] = [];
  try {
    for (const address of loopbacks) {
      const pair = await Promise.allSettled([listenUdp(address, options), listenTcp(address, options)]);
      for (const one of pair) if (one.status === "fulfilled") opened.push(one.value);
      const failed = pair.find((one) => one.status === "rejected");
      // A machine need not have IPv6.
      if (failed && !isIPv6(address)) throw failed.reason;
    }
  } catch (error) {
    for (const one of opened) one.close();
    throw error;
  }
  return { close: () => opened.forEach((one) => one.close()) };
}

async function listenUdp(address: string, options: DnsForwarderOptions): Promise<Socket> {
  const socket = createSocket(isIPv6(address) ? { type: "udp6", ipv6Only: true } : { type: "udp4" });
  socket.on("message", (question, { address: asker, port }) => {
    void resolve(question, "udp", options).then((answer) => {
      // Whoever asked may be gone, and so may this socket.
      if (answer) socket.send(answer, port, asker, () => undefined);
    });
  });
  await new Promise<void>((resolved, reject) => {
    socket.once("error", reject);
    socket.bind(options.port, address, () => resolved());
  });
  socket.removeAllListeners("error").on("error", () => undefined);
  return socket;
}

async function listenTcp(address: string, options: DnsForwarderOptions): Promise<Server> {
  const server = createServer((client) => {
    client.on("error", () => client.destroy());
    client.setTimeout(10_000, () => client.destroy());
    onMessages(client, (question) => {
      void resolve(question, "tcp", options).then((answer) => {
        if (answer && client.writable) client.write(framed(answer));
      });
    });
  });
  await new Promise<void>((resolved, reject) => {
    server.once("error", reject);
    server.listen({ port: options.port, host: address, ipv6Only: isIPv6(address) }, () => resolved());
  });
  server.unref();
  return server;
}

/** undefined if nobody answers: the asker then asks again. */
async function resolve(question: Buffer, transport: "udp" | "tcp", options: DnsForwarderOptions): Promise<Buffer | undefined> {
  if (question.length < headerBytes) return undefined;
  const { envoyPort, resolvConf = "/etc/resolv.conf", resolverPort = 53, timeoutMs = 2_000 } = options;
  const known = await askEnvoy(question, envoyPort, timeoutMs);
  if (known && !isOpen(known)) return known;
  const ask = transport === "udp" ? askOverUdp : askOverTcp;
  for (const server of await nameservers(resolvConf)) {
    const answer = await ask(question, server, resolverPort, timeoutMs);
    if (answer) return completed(question, answer, envoyPort, timeoutMs);
  }
  return known;
}

/** A resolver outside of the mesh may know that one name is another, and not what Envoy knows of that. */
async function completed(message: Buffer, answer: Buffer, envoyPort: number, timeoutMs: number): Promise<Buffer> {
  const type = DnsQuestion.of(message)?.type ?? 0;
  const name = addressTypes.includes(type) ? danglingAlias(answer) : undefined;
  const known = name && (await askEnvoy(questionFor(name, { id: message, type }), envoyPort, timeoutMs));
  return name === undefined || known === undefined || isOpen(known) ? answer : withAddresses(answer, name, known);
}

/** Envoy has addresses alone, and says of any other type that there is no such name, also of a name that is there. */
async function askEnvoy(message: Buffer, envoyPort: number, timeoutMs: number): Promise<Buffer | undefined> {
  const question = DnsQuestion.of(message);
  const ask = (asked: Buffer): Promise<Buffer | undefined> => askOverUdp(asked, "127.0.0.1", envoyPort, timeoutMs);
  if (question === undefined) return ask(message);
  const answer = await ask(question.inLowerCase());
  if (answer === undefined || !isOpen(answer)) return answer && question.answeredBy(answer);
  for (const type of addressTypes.filter((one) => one !== question.type)) {
    const other = await ask(question.inLowerCase(type));
    if (other && !isOpen(other)) return question.withoutData();
  }
  return question.answeredBy(answer);
}

const isOpen = (answer: Buffer): boolean => openAnswers.has(answer[3]! & 0x0f);

async function nameservers(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  const found = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address]) => address!);
  return found.length > 0 ? found : ["127.0.0.1"];
}

/** A socket of its own for each question, so that its answer can't be taken for another's. */
function askOverUdp(question: Buffer, server: string, port: number, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolved) => {
    const socket = createSocket(isIPv6(server) ? "udp6" : "udp4");
    let isDone = false;
    const done = (answer?: Buffer): void => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      socket.close();
      resolved(answer);
    };
    const timer = setTimeout(done, timeoutMs);
    socket.on("error", () => done());
    socket.on("message", (answer) => {
      if (answer.length >= headerBytes && answer.readUInt16BE(0) === question.readUInt16BE(0)) done(answer);
    });
    socket.connect(port, server, () => socket.send(question, (error) => error && done()));
  });
}

function askOverTcp(question: Buffer, server: string, port: number, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolved) => {
    const socket = createConnection({ host: server, port }, () => socket.write(framed(question)));
    const done = (answer?: Buffer): void => {
      socket.destroy();
      resolved(answer);
    };
    socket.setTimeout(timeoutMs, () => done());
    socket.on("error", () => done());
    socket.on("close", () => done());
    onMessages(socket, done);
  });
}

/** Over TCP each message comes after its length, in two bytes. */
function onMessages(socket: TcpSocket, take: (message: Buffer) => void): void {
  let pending = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const end = 2 + pending.readUInt16BE(0);
      take(pending.subarray(2, end));
      pending = pending.subarray(end);
    }
  });
}

function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}
