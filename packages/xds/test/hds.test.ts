import { create } from "@bufbuild/protobuf";
import { HealthStatus } from "@atoll/envoy-api/envoy/config/core/v3/health_check_pb.js";
import { HealthCheckSpecifierSchema } from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import type { HealthCheckSpecifier } from "@atoll/envoy-api/envoy/service/health/v3/hds_pb.js";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { HdsServer } from "../src/index.ts";
import { Envoy } from "./envoy.ts";
import { freePort, until } from "./wait.ts";

/** One TCP check of a local port, named after it. */
function checking(port: number): HealthCheckSpecifier {
  const quick = { seconds: 0n, nanos: 50_000_000 };
  return create(HealthCheckSpecifierSchema, {
    interval: quick,
    clusterHealthChecks: [
      {
        clusterName: `port-${port}`,
        healthChecks: [
          {
            timeout: { seconds: 1n },
            interval: quick,
            noTrafficInterval: quick,
            healthyThreshold: 1,
            unhealthyThreshold: 1,
            healthChecker: { case: "tcpHealthCheck", value: {} },
          },
        ],
        localityEndpoints: [
          {
            endpoints: [
              {
                address: {
                  address: { case: "socketAddress", value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } } },
                },
              },
            ],
          },
        ],
      },
    ],
  });
}

it("has an Envoy check what it is told, and hears the results", async () => {
  const open = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => open.listen(0, "127.0.0.1", resolve));
  const openPort = (open.address() as AddressInfo).port;
  const closedPort = await freePort();
  const health = new Map<string, HealthStatus | undefined>();
  const closed: string[] = [];
  const hds = new HdsServer({
    onNode: async (node) => ({ nodeId: node.id, specifier: checking(openPort) }),
    onHealth: (_nodeId, { clusterEndpointsHealth }) => {
      for (const { clusterName, localityEndpointsHealth } of clusterEndpointsHealth) {
        health.set(clusterName, localityEndpointsHealth[0]?.endpointsHealth[0]?.healthStatus);
      }
    },
    onStreamClosed: (nodeId) => closed.push(nodeId),
  });
  const server = new Server();
  hds.register(server);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error ? reject(error) : resolve(bound))),
  );
  const hdsConfig = { api_type: "GRPC", transport_api_version: "V3", grpc_services: [{ envoy_grpc: { cluster_name: "ads" } }] };
  const envoy = await Envoy.start("node", port, "sotw", { hds_config: hdsConfig });
  try {
    await until(
      () => health.get(`port-${openPort}`) === HealthStatus.HEALTHY,
      "the open port is healthy",
      () => envoy.log,
    );
    expect([hds.assign("node", checking(closedPort)), hds.assign("other", checking(closedPort))]).toEqual([true, false]);
    const down = [HealthStatus.UNHEALTHY, HealthStatus.TIMEOUT];
    await until(
      () => down.includes(health.get(`port-${closedPort}`) ?? HealthStatus.UNKNOWN),
      "the closed port is not",
      () => envoy.log,
    );
  } finally {
    await envoy.stop();
    open.close();
  }
  await until(() => closed.includes("node"), "the stream is closed");
  server.forceShutdown();
});
