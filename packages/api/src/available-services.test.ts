import { expect, test } from "vitest";
import { zoneIngressView } from "./available-services.ts";

test("services of dataplanes come first, then external ones, then cross-mesh gateways; each group as it was", () => {
  const entry = (service: string, more: object = {}, tags: Record<string, string> = {}) => ({
    zone: "west",
    mesh: "default",
    tags: { "kuma.io/service": service, ...tags },
    instances: 1,
    ...more,
  });
  const { availableServices } = zoneIngressView({ networking: {} }, [
    entry("gateway", {}, { "kuma.io/mesh": "default" }),
    entry("quotes", { externalService: true }),
    entry("web"),
    entry("orders"),
  ]) as { availableServices: { tags: Record<string, string> }[] };
  expect(availableServices.map(({ tags }) => tags["kuma.io/service"])).toEqual(["web", "orders", "quotes", "gateway"]);
});
