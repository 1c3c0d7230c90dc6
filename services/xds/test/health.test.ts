import { writeFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { join } from "node:path";
import type { DataplaneSpec } from "@atoll/resource";
import { envoyBinary, eventually, freePort, startProcess, startTcpServer } from "@atoll/testkit";
import { expect, test } from "vitest";
import { ZoneUnderTest } from "./zone-fixture.ts";

// What a real Envoy makes of the health checks that it is told to run.
test("an inbound follows the probe of its application, and goes when Envoy drains", async () => {
  await using zone = await ZoneUnderTest.start();
  await zone.apply({ type: "Mesh", name: "default" });
  const xds = await zone.startXds("xds-1");
  const [adminPort, inboundPort, applicationPort] = [await freePort(), await freePort(), await freePort()];
  const tags = { "kuma.io/service": "web" };
  const inbound = { port: inboundPort, servicePort: applicationPort, tags, serviceProbe: { interval: "0.2s", timeout: "1s", tcp: {} } };
  const dataplane = {
    type: "Dataplane",
    mesh: "default",
    name: "web-1",
    networking: { address: "127.0.0.1", admin: { port: adminPort }, inbound: [inbound] },
  };
  const request = { mesh: "default", name: "web-1", dataplaneResource: JSON.stringify(dataplane), workdir: zone.folder.path };
  const bootstrap = await post("https", xds.port, "/bootstrap", JSON.stringify(request), zone.caPem);
  const file = join(zone.folder.path, "bootstrap.yaml");
  writeFileSync(file, bootstrap);
  await using envoy = await startProcess(envoyBinary(), [
    "--config-path",
    file,
    "--disable-hot-restart",
    "--concurrency",
    "1",
    "--log-level",
    "warning",
  ]);
  const health = () => {
    const [one] = zone.resources.get<DataplaneSpec>("Dataplane", "default", "web-1")!.spec.networking.inbound!;
    return `${one!.state ?? "Ready"} ${one!.health?.ready ?? false}`;
  };
  const becomes = (wanted: string) =>
    eventually(() => health() === wanted, { limitMs: 15_000 }).catch((error: unknown) => {
      throw new Error(`${health()} instead of ${wanted}:\n${envoy.output()}`, { cause: error });
    });

  await eventually(() => zone.resources.get("Dataplane", "default", "web-1"), { limitMs: 15_000 });
  expect(health()).toBe("NotReady false");
  const application = await startTcpServer("web", { port: applicationPort });
  await becomes("Ready true");
  await application.stop();
  await becomes("NotReady false");
  await using again = await startTcpServer("web", { port: applicationPort });
  expect(again).toBeDefined();
  await becomes("Ready true");
  await post("http", adminPort, "/healthcheck/fail", "");
  await becomes("NotReady false");
});

function post(protocol: "http" | "https", port: number, path: string, body: string, ca?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: "localhost", port, path, method: "POST", ...(ca && { ca }) };
    const call = protocol === "https" ? requestHttps(options) : requestHttp(options);
    call.on("error", reject);
    call.on("response", (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${response.statusCode} ${text}`));
      });
    });
    call.end(body);
  });
}
