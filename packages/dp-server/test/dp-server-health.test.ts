import { HealthStatus } from "@atoll/envoy-api/envoy/config/core/v3/health_check_pb.js";
import { type DataplaneSpec } from "@atoll/resource";
import { eventually } from "@atoll/testkit";
import { describe, expect, test } from "vitest";
import { dataplane, draft, envoyNode } from "./fixtures.ts";
import { store, token, bearer, ads, hds } from "./dp-server-bed.ts";

describe("health discovery", () => {
  const probed = dataplane("web-1", {
    inbound: [
      { port: 8080, servicePort: 8081, tags: { "kuma.io/service": "web" }, serviceProbe: { tcp: {} } },
      { port: 9090, tags: { "kuma.io/service": "api" } },
    ],
  });
  const inbounds = () =>
    store
      .get<DataplaneSpec>("Dataplane", "default", "web-1")!
      .spec.networking.inbound!.map(({ state = "Ready", health }) => [state, health?.ready ?? false]);

  test("a probe's results make the inbound ready and not ready", async () => {
    const header = bearer(await token("dataplane", {}));
    ads(header).start(envoyNode(probed));
    await eventually(() => store.get("Dataplane", "default", "web-1"));
    const client = hds(header).start(envoyNode(probed));
    const specifier = await eventually(() => client.responses[0]);
    expect(specifier.clusterHealthChecks.map((one) => one.clusterName)).toEqual(["kuma:envoy:admin", "inbound:127.0.0.1:8080"]);
    expect(inbounds()).toEqual([
      ["NotReady", false],
      ["Ready", false],
    ]);
    const report = (application: HealthStatus) =>
      client.report({ "kuma:envoy:admin": HealthStatus.HEALTHY, "inbound:127.0.0.1:8080": application });
    report(HealthStatus.HEALTHY);
    await eventually(() => inbounds()[0]![0] === "Ready");
    expect(inbounds()).toEqual([
      ["Ready", true],
      ["Ready", false],
    ]);
    report(HealthStatus.TIMEOUT);
    await eventually(() => inbounds()[0]![0] === "NotReady");
    expect(inbounds()).toEqual([
      ["NotReady", false],
      ["Ready", false],
    ]);
  });

  test("a draining Envoy makes every inbound not ready", async () => {
    const header = bearer(await token("dataplane", {}));
    ads(header).start(envoyNode(probed));
    await eventually(() => store.get("Dataplane", "default", "web-1"));
    const client = hds(header).start(envoyNode(probed));
    await eventually(() => client.responses[0]);
    client.report({ "kuma:envoy:admin": HealthStatus.UNHEALTHY, "inbound:127.0.0.1:8080": HealthStatus.HEALTHY });
    await eventually(() => inbounds().every(([state]) => state === "NotReady"));
    client.report({ "kuma:envoy:admin": HealthStatus.HEALTHY, "inbound:127.0.0.1:8080": HealthStatus.HEALTHY });
    await eventually(() => inbounds().every(([state, ready]) => state === "Ready" && ready));
  });

  test("a dataplane that is changed while it is connected is checked anew", async () => {
    await store.put(draft(dataplane("web-1")));
    const header = bearer(await token("dataplane", {}));
    const client = hds(header).start(envoyNode(dataplane("web-1"), { brought: false }));
    await eventually(() => client.responses.length === 1);
    await store.put(draft(probed));
    const specifier = await eventually(() => client.responses[1]);
    expect(specifier.clusterHealthChecks).toHaveLength(2);
  });
});
