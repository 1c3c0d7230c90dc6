import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureCommand } from "@atoll/testkit/ensure-command";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import { scratchFolder } from "@atoll/testkit/scratch-folder";

/** Whoever runs as this user is the proxy: its traffic is not redirected. */
const proxyUser = 15_000;
const atollctl = fileURLToPath(new URL("../../../bin/atollctl", import.meta.url));
const ports = { inbound: 15_006, outbound: 15_001, dns: 15_053 };

export interface Answered {
  status?: number;
  text?: string;
  error?: string;
}

/**
 * A host of its own: a network with one link to this one, its own resolver, and the rules that `atollctl install transparent-proxy` makes: TCP
 * out of it goes to the proxy's outbound port, TCP into it to the inbound port, questions of DNS to the proxy's. Needs root.
 */
export class RedirectedHost {
  /** Of this side, and of the host. */
  readonly outside = "10.244.77.1";
  readonly address = "10.244.77.2";
  readonly transparentProxying = { redirectPortInbound: ports.inbound, redirectPortOutbound: ports.outbound };
  readonly #holder: StartedProcess;
  readonly #folder: Disposable;
  readonly #resolver: { close(): void };

  private constructor(holder: StartedProcess, folder: Disposable, resolver: { close(): void }) {
    this.#holder = holder;
    this.#folder = folder;
    this.#resolver = resolver;
  }

  /** `known` are the names that the host's resolver, which is on this side, has an address for. */
  static async start(known: Record<string, string>): Promise<RedirectedHost> {
    ensureCommand("iptables", ["--version"], "iptables", "iptables is not there, and cannot be installed");
    ensureCommand("ip", ["-V"], "iproute2", "ip is not there, and cannot be installed");
    const folder = scratchFolder();
    const resolvConf = join(folder.path, "resolv.conf");
    writeFileSync(resolvConf, "nameserver 10.244.77.1\n");
    const script = `mount --bind ${resolvConf} /etc/resolv.conf && echo ready && exec sleep infinity`;
    // All of it goes when this process goes.
    const holder = await startProcess("unshare", ["--net", "--mount", "sh", "-c", script], { readyWhen: /ready/ });
    const link = `atoll${process.pid}`;
    run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", String(holder.pid));
    run("ip", "address", "add", "10.244.77.1/30", "dev", link);
    run("ip", "link", "set", link, "up");
    const host = new RedirectedHost(holder, folder, await startResolver("10.244.77.1", known));
    host.#setUp();
    return host;
  }

  /** Before a command: runs it on the host. */
  get asWorkload(): readonly string[] {
    return ["nsenter", "--target", String(this.#holder.pid), "--net", "--mount", "--"];
  }

  get asProxy(): readonly string[] {
    // It reads its token, and writes beside it, although both are root's.
    const files = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"];
    return [...this.asWorkload, "setpriv", `--reuid=${proxyUser}`, `--regid=${proxyUser}`, "--clear-groups", ...files];
  }

  /** Runs a command on the host; what it prints. */
  inside(...command: string[]): string {
    return run(...([...this.asWorkload, ...command] as [string, ...string[]]));
  }

  ctl(...args: string[]): string {
    return this.inside(atollctl, ...args);
  }

  /** What the workload gets when it asks for a URL by Node's `fetch`, or why it gets nothing. */
  fetch(url: string): Promise<Answered> {
    return this.#ask(`fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(5000) })
      .then(async (answer) => ({ status: answer.status, text: await answer.text() }), (error) => ({ error: error.cause?.code ?? error.message }))`);
  }

  /** What it is sent first by who waits for nothing, or over TLS by the name of the server. */
  hears(address: string, port: number, serverName?: string): Promise<Answered> {
    const to = { host: address, port, timeout: 5000, ...(serverName && { servername: serverName, rejectUnauthorized: false }) };
    return this.#ask(`new Promise((resolve) => {
      const socket = require(${JSON.stringify(serverName ? "node:tls" : "node:net")}).connect(${JSON.stringify(to)});
      socket.on("data", (bytes) => { resolve({ text: String(bytes) }); socket.destroy(); });
      socket.on("error", (error) => resolve({ error: error.code }));
      socket.on("timeout", () => { resolve({ error: "nothing" }); socket.destroy(); });
      socket.on("close", () => resolve({ error: "closed" }));
    })`);
  }

  /** What a promise that is written in Node's JavaScript comes to on the host. */
  async #ask(promise: string): Promise<Answered> {
    const script = `(${promise}).then((answer) => console.log(JSON.stringify(answer)))`;
    const [command, ...args] = [...this.asWorkload, process.execPath, "-e", script];
    const asked = await startProcess(command!, args);
    await asked.exited;
    return JSON.parse(asked.output()) as Answered;
  }

  async close(): Promise<void> {
    this.#resolver.close();
    await this.#holder.stop();
    this.#folder[Symbol.dispose]();
  }

  redirect(): void {
    const { inbound, outbound, dns } = ports;
    const redirected = [`--redirect-inbound-port=${inbound}`, `--redirect-outbound-port=${outbound}`, `--redirect-dns-port=${dns}`];
    this.ctl("install", "transparent-proxy", "--kuma-dp-user", String(proxyUser), "--redirect-all-dns-traffic", ...redirected);
  }

  #setUp(): void {
    this.inside("ip", "link", "set", "lo", "up");
    this.inside("ip", "address", "add", `${this.address}/30`, "dev", "eth0");
    this.inside("ip", "link", "set", "eth0", "up");
    this.inside("ip", "route", "add", "default", "via", this.outside);
    this.redirect();
  }
}

function run(...[command, ...args]: [string, ...string[]]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Answers questions for the IPv4 address of a name; every other name does not exist. */
async function startResolver(address: string, known: Record<string, string>): Promise<{ close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (question, asker) => socket.send(answerTo(question, known), asker.port, asker.address));
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(53, address, resolve);
  });
  return socket;
}

/** See RFC 1035, section 4. */
function answerTo(question: Buffer, known: Record<string, string>): Buffer {
  const labels: string[] = [];
  let at = 12;
  for (let length = question[at]!; length > 0; length = question[at]!) {
    labels.push(question.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const [isAddress, end] = [question.readUInt16BE(at + 1) === 1, at + 5];
  const address = known[labels.join(".").toLowerCase()];
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(address === undefined ? 0x8183 : 0x8180, 2);
  header.writeUInt16BE(address !== undefined && isAddress ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  const parts = [header, question.subarray(12, end)];
  if (address !== undefined && isAddress) {
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4]);
    parts.push(record, Buffer.from(address.split(".").map(Number)));
  }
  return Buffer.concat(parts);
}
