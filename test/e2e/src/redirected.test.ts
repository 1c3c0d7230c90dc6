import { createServer, type Server } from "node:http";
import { eventually } from "@atoll/testkit/eventually";
import { startProcess, type StartedProcess } from "@atoll/testkit/process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mesh, MeshBed, openMesh } from "./mesh-bed.ts";
import { RedirectedHost } from "./redirected-host.ts";
import { rest } from "./rest.ts";

// A workload that knows nothing of a proxy, on a host whose traffic is redirected. That takes root; CI has to have it.
const isPossible = process.getuid?.() === 0 || process.env["CI"] === "true";
const webPort = 8080;
const caller = 0;

describe.skipIf(!isPossible)("a workload on a redirected host", () => {
  let host: RedirectedHost;
  let bed: MeshBed;
  let web: StartedProcess;
  let outside: Server;
  let outsideUrl: string;
  let ordersPort: number;

  beforeAll(async () => {
    // Before the control plane, whose certificate names the addresses of its machine.
    host = await RedirectedHost.start({ "outside.example": "10.244.77.1" });
    bed = await MeshBed.start(15_750, { zones: ["east"] });
    outside = createServer((_request, response) => response.end("outside of the mesh"));
    await new Promise<void>((resolve) => outside.listen(bed.port(1), host.outside, resolve));
    outsideUrl = `http://outside.example:${bed.port(1)}/`;
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
    outside?.close();
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
});
