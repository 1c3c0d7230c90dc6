import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { globalPorts, zonePorts } from "@atoll/demo/ports";
import { startProxy, type ProxyDocument } from "@atoll/demo/proxy";
import { startSampleApp } from "@atoll/demo/sample-app";
import { startStack } from "@atoll/demo/stack";
import { apply } from "@atoll/demo/topology";
import { eventually } from "@atoll/testkit/eventually";
import { scratchFolder } from "@atoll/testkit/scratch-folder";

// Run where the loopback has ::1 and nothing else, by ipv6-alone.test.ts: two zones with everything in them, one request through all hops,
// and every port of ours asked once. Says what it found as JSON, by check.

const loopback = "::1";
const [base, ports] = [20_000, { edge: 20_400, ordersOf: 20_401, orders: 20_402, ingress: 20_403, egress: 20_404, caller: 20_405 }];
const outbound = 20_406;
const adminPorts = { edge: 20_411, orders: 20_412, ingress: 20_413, egress: 20_414, caller: 20_415 };
const metricsPort = 20_420;
const readinessPort = 20_421;

const address = (port: number): string => `[${loopback}]:${port}`;
const networking = (admin: number, more: object): ProxyDocument["networking"] => ({ address: loopback, admin: { port: admin }, ...more });
const service = (name: string) => ({ "kuma.io/service": name, "kuma.io/protocol": "http" });
const everybody = [{ match: { "kuma.io/service": "*" } }];

const configuration: Record<string, unknown>[] = [
  {
    ...{ type: "Mesh", name: "default", routing: { zoneEgress: true } },
    mtls: { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] },
    metrics: {
      enabledBackend: "prometheus",
      backends: [{ name: "prometheus", type: "prometheus", conf: { port: metricsPort, skipMTLS: true, tags: { "kuma.io/service": "m" } } }],
    },
  },
  { type: "TrafficPermission", mesh: "default", name: "all", sources: everybody, destinations: everybody },
  {
    ...{ type: "MeshGateway", mesh: "default", name: "edge", selectors: [{ match: { "kuma.io/service": "edge" } }] },
    conf: { listeners: [{ port: ports.edge, protocol: "HTTP" }] },
  },
  {
    ...{ type: "MeshGatewayRoute", mesh: "default", name: "edge", selectors: [{ match: { "kuma.io/service": "edge" } }] },
    conf: {
      http: {
        rules: [
          {
            matches: [{ path: { match: "PREFIX", value: "/out" } }],
            backends: [{ weight: 1, destination: { "kuma.io/service": "outside" } }],
          },
          { matches: [{ path: { match: "PREFIX", value: "/" } }], backends: [{ weight: 1, destination: { "kuma.io/service": "orders" } }] },
        ],
      },
    },
  },
  { type: "ExternalService", mesh: "default", name: "outside", tags: service("outside"), networking: { address: address(ports.orders) } },
];
const west: ProxyDocument[] = [
  {
    ...{ type: "ZoneIngress", name: "ingress-1" },
    networking: networking(adminPorts.ingress, { port: ports.ingress, advertisedAddress: loopback, advertisedPort: ports.ingress }),
  },
  {
    ...{ type: "Dataplane", mesh: "default", name: "orders-1" },
    networking: networking(adminPorts.orders, {
      inbound: [{ port: ports.ordersOf, servicePort: ports.orders, tags: service("orders"), serviceProbe: { tcp: {}, interval: "1s" } }],
    }),
  },
];
const east: ProxyDocument[] = [
  { type: "ZoneEgress", name: "egress-1", networking: networking(adminPorts.egress, { port: ports.egress }) },
  {
    ...{ type: "Dataplane", mesh: "default", name: "edge-1" },
    networking: networking(adminPorts.edge, { gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } }),
  },
  {
    ...{ type: "Dataplane", mesh: "default", name: "caller-1" },
    networking: networking(adminPorts.caller, {
      inbound: [{ port: ports.caller, tags: service("caller") }],
      outbound: [{ address: loopback, port: outbound, tags: { "kuma.io/service": "orders" } }],
    }),
  },
];

const found: Record<string, unknown> = {};
const note = async (what: string, look: () => Promise<unknown>): Promise<void> => {
  found[what] = await look().catch((error: Error) => `${error.message}${error.cause instanceof Error ? `: ${error.cause.message}` : ""}`);
};
const text = async (url: string): Promise<string> => {
  const answer = await fetch(url);
  const body = await answer.text();
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${body}`);
  return body;
};
const json = async (url: string): Promise<{ service?: string; calledBy?: string; total?: number }> =>
  JSON.parse(await text(url)) as { service?: string; calledBy?: string; total?: number };
const soon = <T>(look: () => Promise<T>): Promise<T> => eventually(look, { limitMs: 30_000, everyMs: 50 });
const run = promisify(execFile);
const ctl = fileURLToPath(new URL("../../../bin/atollctl", import.meta.url));

const interfaces = {
  ATOLL_API_SERVER_HTTP_INTERFACE: process.argv[2],
  ATOLL_API_SERVER_HTTPS_INTERFACE: process.argv[2],
  ATOLL_MULTIZONE_GLOBAL_KDS_GRPC_INTERFACE: process.argv[2],
  ATOLL_RELAY_INTERFACE: process.argv[2],
  ATOLL_DP_SERVER_INTERFACE: process.argv[2],
  ATOLL_MONITORING_ASSIGNMENT_SERVER_INTERFACE: process.argv[2],
  ATOLL_DIAGNOSTICS_SERVER_INTERFACE: process.argv[2],
} as Record<string, string>;

using folder = scratchFolder();
const stack = await startStack({
  ...{ workDir: folder.path, globalBase: base, zones: { east: base + 100, west: base + 200 }, loopback },
  env: process.argv[2] === undefined ? {} : interfaces,
});
const app = await startSampleApp("orders", ports.orders, loopback);
const proxies = [];
try {
  for (const document of configuration) await apply(stack, document);
  for (const document of west) proxies.push(await startProxy(stack, stack.zones["west"]!, document));
  for (const document of east) {
    const env: Record<string, string> = document.name === "caller-1" ? { KUMA_READINESS_PORT: String(readinessPort) } : {};
    proxies.push(await startProxy(stack, stack.zones["east"]!, document, { env }));
  }
  const by = (url: string, service_: string) =>
    soon(async () => {
      const { service: name, calledBy } = await json(url);
      if (name !== service_) throw new Error(`answered by ${name}`);
      return calledBy ?? "nobody";
    });
  await note("gateway, egress, ingress, sidecar", () => by(`http://${address(ports.edge)}/`, "orders"));
  await note("sidecar, egress, ingress, sidecar", () => by(`http://${address(outbound)}/`, "orders"));
  await note("external service through the egress", () => by(`http://${address(ports.edge)}/out`, "orders"));
  await note("metrics of a proxy", async () => (await soon(() => text(`http://${address(metricsPort)}/metrics`))).includes("envoy_"));
  await note("readiness of a proxy", () => text(`http://${address(readinessPort)}/ready`));
  for (const zone of ["east", "west"]) {
    const own = zonePorts(stack.zones[zone]!.ports.api - 81);
    await note(`REST of zone ${zone}`, async () => (await json(`http://${address(own.api)}/dataplanes`)).total);
    await note(`diagnostics of zone ${zone}`, async () => (await text(`http://${address(own.diagnostics)}/metrics`)).includes("atoll_"));
    await note(`diagnostics of xDS server ${zone}`, async () =>
      (await text(`http://${address(own.xdsDiagnostics)}/metrics`)).includes("atoll_"),
    );
    await note(`monitoring of zone ${zone}`, async () => (await fetch(`http://${address(own.monitoring)}/`)).status > 0);
  }
  const own = globalPorts(base);
  await note("REST of global", async () => (await json(`http://${address(own.api)}/dataplanes`)).total);
  await note("diagnostics of global", async () => (await text(`http://${address(own.diagnostics)}/metrics`)).includes("atoll_"));
  await note("diagnostics of the token issuer", async () =>
    (await text(`http://${address(own.tokensDiagnostics)}/metrics`)).includes("atoll_"),
  );
  await note("Envoy's admin interface through global", async () => {
    const listed = JSON.parse(await text(`http://${address(own.api)}/dataplanes`)) as { items: { name: string }[] };
    const { name } = listed.items.find((one) => one.name.startsWith("orders-1"))!;
    return (await text(`http://${address(own.api)}/meshes/default/dataplanes/${name}/clusters`)).includes("localhost:");
  });
  await note("status by atollctl", async () => {
    const { stdout } = await run(ctl, ["--address", `http://${address(own.api)}`, "inspect", "dataplanes"]);
    return stdout.split("\n").filter((line) => line.includes("Online")).length;
  });
} finally {
  for (const proxy of proxies.toReversed()) found[`stop of proxy ${proxies.indexOf(proxy)}`] = await proxy.stop(10_000).then(() => "done");
  await app.close();
  await stack.close();
  const refused = stack.services.flatMap((one) =>
    one
      .outputs()
      .split("\n")
      .filter((line) => line.includes("Envoy rejected")),
  );
  console.log(`FOUND ${JSON.stringify({ ...found, refused })}`);
}
process.exit(0);
