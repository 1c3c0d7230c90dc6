import { createSocket } from "node:dgram";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { connect } from "node:net";
import { join } from "node:path";
import { eventually, freePort, scratchFolder } from "@atoll/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findCoreDns } from "./core-dns.ts";
import { startDnsForwarder } from "./dns-forwarder.ts";
import { resolveDnsOptions } from "./dns-options.ts";
import { startDns } from "./dns.ts";

let folder: ReturnType<typeof scratchFolder>;
let closing: (() => unknown)[];
beforeEach(() => {
  folder = scratchFolder();
  closing = [];
});
afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  folder[Symbol.dispose]();
});

// A message is a header, of which id and response code count here, and text in place of questions and answers.
const message = (id: number, code: number, text: string): Buffer => {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id);
  header[3] = code;
  return Buffer.concat([header, Buffer.from(text)]);
};
const textOf = (answer: Buffer): string => `${answer[3]! & 0x0f} ${answer.subarray(12).toString()}`;

/** A server that answers each question by what it is told, over UDP and TCP; undefined = not at all. */
async function server(port: number, answer: (question: string, transport: string) => [code: number, text: string] | undefined) {
  const udp = createSocket("udp4");
  udp.on("message", (question, { port: asker, address }) => {
    const made = answer(question.subarray(12).toString(), "udp");
    if (made) udp.send(message(question.readUInt16BE(0), ...made), asker, address);
  });
  await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
  const tcp = createServer((socket) => {
    socket.on("data", (data: Buffer) => {
      const made = answer(data.subarray(14).toString(), "tcp");
      if (made) socket.end(framed(message(data.readUInt16BE(2), ...made)));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(port, "127.0.0.1", resolve));
  closing.push(
    () => new Promise<void>((resolve) => udp.close(() => resolve())),
    () => new Promise((resolve) => tcp.close(resolve)),
  );
}

function framed(of: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(of.length);
  return Buffer.concat([length, of]);
}

function ask(port: number, question: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.on("message", (answer) => {
      socket.close();
      resolve(textOf(answer));
    });
    socket.send(message(7, 0, question), port, "127.0.0.1");
  });
}

function askOverTcp(port: number, question: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(framed(message(7, 0, question))));
    socket.on("data", (data: Buffer) => {
      socket.destroy();
      resolve(textOf(data.subarray(2)));
    });
  });
}

describe("questions that atoll-dp answers itself", () => {
  async function forwarder(envoyAnswers: Parameters<typeof server>[1], nameservers = "nameserver 127.0.0.1\n"): Promise<number> {
    const [port, envoyPort, resolverPort] = [await freePort(), await freePort(), await freePort()];
    await server(envoyPort, envoyAnswers);
    await server(resolverPort, (question, transport) => (question === "nobody" ? [3, "no such name"] : [0, `${question} by ${transport}`]));
    const resolvConf = join(folder.path, "resolv.conf");
    writeFileSync(resolvConf, `search example\n${nameservers}`);
    const { close } = await startDnsForwarder({ port, envoyPort, resolvConf, resolverPort, timeoutMs: 200 });
    closing.push(close);
    return port;
  }

  test("go to Envoy, and on to the machine's resolvers if it does not know", async () => {
    const port = await forwarder((question) => (question === "orders.mesh" ? [0, "240.0.0.1"] : [3, ""]));
    expect(await ask(port, "orders.mesh")).toBe("0 240.0.0.1");
    expect(await ask(port, "example.org")).toBe("0 example.org by udp");
    expect(await ask(port, "nobody")).toBe("3 no such name");
  });

  test("go on, too, if Envoy does not do such questions, or does not answer yet", async () => {
    const port = await forwarder((question) => (question === "TXT" ? [4, ""] : undefined));
    expect(await ask(port, "TXT")).toBe("0 TXT by udp");
    expect(await ask(port, "early")).toBe("0 early by udp");
  });

  /** A real one, with one name. */
  const question = (name: string, type: number): Buffer => {
    const labels = name.split(".").flatMap((label) => [label.length, ...Buffer.from(label)]);
    return Buffer.from([0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
  };
  const nameOf = (asked: Buffer): string => {
    const labels: string[] = [];
    for (let at = 12; asked[at]! > 0; at += 1 + asked[at]!) labels.push(asked.toString("latin1", at + 1, at + 1 + asked[at]!));
    return labels.join(".");
  };
  const exchange = (port: number, asked: Buffer): Promise<Buffer> =>
    new Promise((resolve) => {
      const socket = createSocket("udp4");
      socket.on("message", (answer) => {
        socket.close();
        resolve(answer);
      });
      socket.send(asked, port, "127.0.0.1");
    });
  /** Answers like Envoy: A of one name in lower case, by the question and no address; no such name for all else. */
  async function envoyWith(name: string, types: number[]): Promise<number> {
    const [port, envoyPort, resolverPort] = [await freePort(), await freePort(), await freePort()];
    for (const [at, knows] of [[envoyPort, name] as const, [resolverPort, ""] as const]) {
      const udp = createSocket("udp4");
      udp.on("message", (asked, { port: asker, address }) => {
        const known = nameOf(asked) === knows && types.includes(asked[asked.length - 3]!);
        asked[2]! |= 0x80;
        asked[3] = known ? 0 : 3;
        udp.send(asked, asker, address);
      });
      await new Promise<void>((resolve) => udp.bind(at, "127.0.0.1", resolve));
      closing.push(() => new Promise<void>((resolve) => udp.close(() => resolve())));
    }
    const resolvConf = join(folder.path, "resolv.conf");
    writeFileSync(resolvConf, "nameserver 127.0.0.1\n");
    const { close } = await startDnsForwarder({ port, envoyPort, resolvConf, resolverPort, timeoutMs: 200 });
    closing.push(close);
    return port;
  }

  test.each([
    ["web_demo_svc_80.mesh", 1, 0],
    ["WEB_demo_SVC_80.mesh", 1, 0],
    ["WEB_DEMO_SVC_80.MESH", 16, 0],
    ["web_demo_svc_80.mesh", 28, 0],
    ["web_demo_svc_80.mesh", 65, 0],
    ["other.mesh", 1, 3],
    ["other.mesh", 16, 3],
  ])("%s by type %i: code %i, with the question as it was asked", async (name, type, code) => {
    const port = await envoyWith("web_demo_svc_80.mesh", [1]);
    const answer = await exchange(port, question(name, type));
    expect([answer[3]! & 0x0f, nameOf(answer), answer.readUInt16BE(0)]).toEqual([code, name, 7]);
    expect(answer.readUInt16BE(6)).toBe(0);
  });

  test("are taken over TCP as well", async () => {
    const port = await forwarder((question) => (question === "orders.mesh" ? [0, "240.0.0.1"] : [3, ""]));
    expect(await askOverTcp(port, "orders.mesh")).toBe("0 240.0.0.1");
    expect(await askOverTcp(port, "example.org")).toBe("0 example.org by tcp");
  });

  test("are asked of the next resolver if the first is silent; of none: Envoy's word stands", async () => {
    const first = await forwarder(() => [3, "no name of the mesh"], "nameserver 127.0.0.2\nnameserver 127.0.0.1\n");
    expect(await ask(first, "example.org")).toBe("0 example.org by udp");
    const second = await forwarder(() => [3, "no name of the mesh"], "nameserver 127.0.0.2\n");
    expect(await ask(second, "example.org")).toBe("3 no name of the mesh");
  });

  test("a port that is taken is an error", async () => {
    const port = await forwarder(() => undefined);
    await expect(startDnsForwarder({ port, envoyPort: 1 })).rejects.toThrow("EADDRINUSE");
  });
});

describe("CoreDNS", () => {
  const options = (flags: Parameters<typeof resolveDnsOptions>[0]) => resolveDnsOptions(flags, (_variable, _flag, given) => given);
  /** Names its plugins, or keeps its Corefile for the test and stays. */
  function coreDns(plugins: string, end = "while :; do sleep 1; done"): string {
    const path = join(folder.path, "coredns");
    const kept = join(folder.path, "seen");
    writeFileSync(path, `#!/bin/sh\nif [ "$1" = -plugins ]; then echo "${plugins}"; exit; fi\ncp "$2" ${kept}\n${end}\n`);
    chmodSync(path, 0o755);
    return path;
  }
  const seen = () => readFileSync(join(folder.path, "seen"), "utf8");

  test("is started with a Corefile for its ports, and ends with the proxy; if it ends by itself, so does the proxy", async () => {
    const dnsCorednsPath = coreDns("alternate forward");
    const dns = await startDns(
      options({ dnsCorednsPath, dnsCorednsPort: "25053", dnsEnvoyPort: "25054", dnsEnableLogging: true }),
      { isTransparent: true, corefileTemplate: undefined },
      folder.path,
    );
    await eventually(() => existsSync(join(folder.path, "seen")) && seen().includes("}"));
    expect(seen()).toContain(".:25053 {\n    forward . 127.0.0.1:25054\n");
    expect(seen()).toContain("    errors\n    log\n}");
    dns.close();
    expect(await dns.ended).toBe("CoreDNS ended: SIGTERM");
    const broken = await startDns(
      options({ dnsCorednsPath: coreDns("alternate", "exit 3") }),
      { isTransparent: true, corefileTemplate: undefined },
      folder.path,
    );
    expect(await broken.ended).toBe("CoreDNS ended: status 3");
  });

  test("takes the template of the control plane, and before it the user's", async () => {
    const dnsCorednsPath = coreDns("forward");
    const provided = "provided {{.CoreDNSPort}}{{if .CoreDNSLogging}} log{{end}}";
    expect((await findCoreDns(options({ dnsCorednsPath }), provided))?.corefile).toBe("provided 15053");
    const path = join(folder.path, "template");
    writeFileSync(path, "own {{ .PrometheusPort }}");
    expect((await findCoreDns(options({ dnsCorednsPath, dnsCorednsConfigTemplatePath: path }), provided))?.corefile).toBe("own 19153");
    await expect(findCoreDns(options({ dnsCorednsPath }), "{{ .Nosuch.Field | f }}")).rejects.toThrow("the template of the Corefile");
  });

  test("that can't do it is refused if it was asked for, and passed over if not", async () => {
    await expect(findCoreDns(options({ dnsCorednsPath: coreDns("forward") }), undefined)).rejects.toThrow('has no plugin "alternate"');
    await expect(findCoreDns(options({ dnsCorednsPath: "/nowhere/coredns" }), undefined)).rejects.toThrow("cannot run /nowhere/coredns");
    expect(await findCoreDns(options({}), undefined)).toBeUndefined();
  });

  test("nothing listens without transparent proxying, or when it is switched off", async () => {
    const port = await freePort();
    for (const [dnsEnabled, isTransparent] of [["true", false] as const, ["false", true] as const]) {
      const answer = { isTransparent, corefileTemplate: undefined };
      const dns = await startDns(options({ dnsEnabled, dnsCorednsPort: String(port) }), answer, folder.path);
      closing.push(() => dns.close());
    }
    const { close } = await startDnsForwarder({ port, envoyPort: 1 });
    closing.push(close);
  });
});
