import { createServer, type Server } from "node:http";
import { createServer as createNetServer, type Server as NetServer } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { eventually } from "@atoll/testkit/eventually";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import { selfSignedPair } from "@atoll/testkit/self-signed-pair";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mesh, MeshBed, openMesh } from "./mesh-bed.ts";
import { RedirectedHost } from "./redirected-host.ts";
import { rest } from "./rest.ts";

// A workload that knows nothing of a proxy, on a host whose traffic is redirected. That takes root; CI has to have it.
const isPossible = process.getuid?.() === 0 || process.env["CI"] === "true";
const webPort = 8080;
const caller = 0;
const pair = selfSignedPair(["outside.example"]);

describe.skipIf(!isPossible)("a workload on a redirected host", () => {
  let host: RedirectedHost;
  let bed: MeshBed;
  let web: StartedProcess;
  let outside: Server;
  let secure: NetServer;
  let first: NetServer;
  let outsideUrl: string;
  let ordersPort: number;

  beforeAll(async () => {
    // Before the control plane, whose certificate names the addresses of its machine.
    host = await RedirectedHost.start({ "outside.example": "10.244.77.1", "other.example": "10.244.77.1" });
    bed = await MeshBed.start(15_750, { zones: ["east"] });
    outside = createServer((_request, response) => response.end("outside of the mesh"));
    await new Promise<void>((resolve) => outside.listen(bed.port(1), host.outside, resolve));
    outsideUrl = `http://outside.example:${bed.port(1)}/`;
    secure = createTlsServer({ key: pair.privateKeyPem, cert: pair.certificatePem }, (socket) =>
      socket.on("error", () => {}).end("secured"),
    );
    first = createNetServer((socket) => socket.on("error", () => {}).end("speaks first"));
    await new Promise<void>((resolve) => secure.listen(bed.port(2), host.outside, resolve));
    await new Promise<void>((resolve) => first.listen(bed.port(3), host.outside, resolve));
    for (const document of [mesh("default"), ...openMesh()]) await bed.atoll.apply(document);

    const application = `require("node:http").createServer((request, response) =>
      response.end(JSON.stringify({ service: "web", headers: request.headers }))).listen(${webPort}, "${host.address}", () => console.log("ready"))`;
    const [command, ...args] = [...host.asWorkload, process.execPath, "-e", application];
    web = await startProcess(command!, args, { readyWhen: /ready/ });
    const document = {
      ...{ type: "Dataplane", mesh: "default", name: "web-1" },
      networking: {
        address: host.address,
        inbound: [{ port: webPort, tags: { "kuma.io/service": "web", "kuma.io/protocol": "http" } }],
        transparentProxying: { ...host.transparentProxying, directAccessServices: ["orders"] },
      },
    };
    const cpAddress = `https://${host.outside}:${new URL(bed.atoll.zone("east").dpAddress).port}`;
    await bed.atoll.startProxy("east", document, { cpAddress, through: host.asProxy });
    ({ inbound: ordersPort } = await bed.service("orders", "orders-1", { networking: { address: host.outside } }));
    await bed.service("caller", "caller-1", { outbound: { [caller]: "web" } });
    await eventually(() => bed.get(caller).then(({ status }) => status === 200), { limitMs: 60_000, everyMs: 50 });
  }, 180_000);

  afterAll(async () => {
    expect(await bed?.close()).toEqual([]);
    await web?.stop();
    for (const server of [outside, secure, first]) server?.close();
    await host?.close();
  }, 60_000);

  const gets = (url: string, wanted: object) =>
    eventually(
      async () => {
        const answer = await host.fetch(url);
        expect(answer).toMatchObject(wanted);
        return answer;
      },
      { limitMs: 30_000, everyMs: 100 },
    );

  test("calls a service by its name, with its own identity", async () => {
    const { text } = await gets("http://orders.mesh/by-name", { status: 200 });
    const { service, headers } = JSON.parse(text!) as { service: string; headers: Record<string, string> };
    expect(service).toBe("orders-1");
    expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://default/web");
  });

  test("calls an instance by its own address, with mutual TLS", async () => {
    const { text } = await gets(`http://${host.outside}:${ordersPort}/by-address`, { status: 200 });
    expect(text).toContain("URI=spiffe://default/web");
  });

  test("is redirected once however often the rules are made, and not at all when they are taken away", async () => {
    const rules = () =>
      host
        .inside("iptables-save")
        .split("\n")
        .filter((line) => line.startsWith("-A"));
    const made = rules();
    host.redirect();
    expect(rules().toSorted()).toEqual(made.toSorted());
    host.ctl("uninstall", "transparent-proxy");
    expect(host.inside("iptables-save")).not.toContain("KUMA_MESH");
    expect(await host.fetch("http://orders.mesh/")).toEqual({ error: "ENOTFOUND" });
    host.redirect();
    await gets("http://orders.mesh/", { status: 200 });
  });

  test("is called through its proxy, and by no stranger", async () => {
    const { headers } = (await bed.answers(caller, 200, "/", "web")).json<{ headers: Record<string, string> }>();
    expect(headers["x-forwarded-client-cert"]).toContain("URI=spiffe://default/caller");
    await expect(rest(`http://${host.address}:${webPort}/`)).rejects.toThrow(/socket|disconnected|reset/i);
  });

  test("resolves names outside of the mesh by the host's resolver, and leaves the mesh while that is allowed", async () => {
    expect(await host.fetch("http://nowhere.example/")).toEqual({ error: "ENOTFOUND" });
    await gets(outsideUrl, { status: 200, text: "outside of the mesh" });
    await bed.apply(mesh("default", { networking: { outbound: { passthrough: false } } }));
    await gets(outsideUrl, { error: expect.stringMatching(/SOCKET|RESET/) });
    expect(await host.fetch("http://orders.mesh/")).toMatchObject({ status: 200 });
    await bed.apply(mesh("default"));
    await gets(outsideUrl, { status: 200 });
  });

  describe("leaves the mesh as a MeshPassthrough says", () => {
    const closed = { error: expect.stringMatching(/SOCKET|RESET|closed/) };
    const policy = (conf: object) => ({
      ...{ type: "MeshPassthrough", mesh: "default", name: "outside" },
      spec: { targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "web" } }, default: conf },
    });
    const hears = (port: number, wanted: object, serverName?: string) =>
      eventually(
        async () => {
          expect(await host.hears(host.outside, port, serverName)).toMatchObject(wanted);
          return true;
        },
        { limitMs: 30_000, everyMs: 100 },
      );

    test("not at all, or wherever it likes, whatever its mesh says", async () => {
      await gets(outsideUrl, { status: 200 });
      await bed.during(policy({ passthroughMode: "None" }), () => gets(outsideUrl, closed));
      await gets(outsideUrl, { status: 200 });
      await bed.apply(mesh("default", { networking: { outbound: { passthrough: false } } }));
      await gets(outsideUrl, closed);
      await bed.during(policy({ passthroughMode: "All" }), () => gets(outsideUrl, { status: 200 }));
      await gets(outsideUrl, closed);
      await bed.apply(mesh("default"));
    });

    test("by the host of a request, and is told of one that it may not ask for", async () => {
      const appendMatch = [{ type: "Domain", value: "outside.example", port: bed.port(1), protocol: "http" }];
      const otherUrl = outsideUrl.replace("outside.", "other.");
      await gets(otherUrl, { status: 200 });
      await bed.during(policy({ appendMatch }), async () => {
        await gets(otherUrl, { status: 503, text: expect.stringContaining("No routes matched this domain") });
        await gets(outsideUrl, { status: 200, text: "outside of the mesh" });
        await hears(bed.port(2), closed, "outside.example");
        await gets("http://orders.mesh/by-name", { status: 200 });
      });
      await gets(otherUrl, { status: 200 });
    });

    test("by the name of a TLS server, a wildcard among them", async () => {
      await hears(bed.port(2), { text: "secured" }, "other.test");
      const appendMatch = [{ type: "Domain", value: "*.example", port: bed.port(2), protocol: "tls" }];
      await bed.during(policy({ appendMatch }), async () => {
        await hears(bed.port(2), closed, "other.test");
        await hears(bed.port(2), { text: "secured" }, "outside.example");
        await gets(outsideUrl, closed);
      });
      await hears(bed.port(2), { text: "secured" }, "other.test");
    });

    test("by address and port, also to who speaks first", async () => {
      await hears(bed.port(3), { text: "speaks first" });
      const elsewhere = [{ type: "CIDR", value: "10.99.0.0/16" }];
      await bed.during(policy({ appendMatch: elsewhere }), () => hears(bed.port(3), closed));
      const here = [...elsewhere, { type: "IP", value: host.outside, port: bed.port(3) }];
      await bed.during(policy({ appendMatch: here }), async () => {
        await hears(bed.port(3), { text: "speaks first" });
        await gets(outsideUrl, closed);
      });
      const anyPort = [{ type: "CIDR", value: "10.244.77.0/30" }, ...here, { type: "Domain", value: "a.test", port: 443, protocol: "tls" }];
      await bed.during(policy({ appendMatch: anyPort }), async () => {
        await hears(bed.port(3), { text: "speaks first" });
        await gets(outsideUrl, { status: 200 });
      });
      await hears(bed.port(3), { text: "speaks first" });
    });

    test("by MySQL's protocol, where all others are looked into", async () => {
      const appendMatch = [
        { type: "IP", value: host.outside, port: bed.port(3), protocol: "mysql" },
        { type: "Domain", value: "any.test", protocol: "tls" },
      ];
      await bed.during(policy({ appendMatch }), async () => {
        await hears(bed.port(2), closed, "other.test");
        await hears(bed.port(3), { text: "speaks first" });
      });
    });
  });
});
