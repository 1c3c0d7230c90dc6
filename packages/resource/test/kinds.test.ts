import { expect, test } from "vitest";
import { kindOf, kindOfPath, kinds } from "../src/index.ts";

const typesWhere = (holds: (kind: (typeof kinds)[number]) => boolean): string[] => kinds.filter(holds).map((kind) => kind.type);

test("a type and a path lead to one kind", () => {
  for (const kind of kinds) {
    expect(kindOf(kind.type)).toBe(kind);
    expect(kindOfPath(kind.path)).toBe(kind.internal ? undefined : kind);
  }
  expect(kindOf("Widget")).toBeUndefined();
  expect(kindOfPath("widgets")).toBeUndefined();
  expect(kindOfPath("")).toBeUndefined();
});

test("what only zones write is read-only on global, and the other way round", () => {
  expect(typesWhere((kind) => kind.writableOn.zone && !kind.writableOn.global)).toEqual([
    "Dataplane",
    "MeshService",
    "ZoneEgress",
    "ZoneIngress",
  ]);
  expect(typesWhere((kind) => kind.writableOn.zone && kind.writableOn.global && !kind.plugin)).toEqual([
    "GlobalSecret",
    "MeshGateway",
    "Secret",
    "Zone",
  ]);
  expect(typesWhere((kind) => kind.readOnly && !kind.internal).every((type) => type.endsWith("Insight"))).toBe(true);
});

test("only secrets are for admins", () => {
  expect(typesWhere((kind) => kind.adminOnly)).toEqual(["GlobalSecret", "Secret"]);
});

test("other zones see the ingresses of a zone and its plugin policies", () => {
  expect(typesWhere((kind) => kind.sync.betweenZones && !kind.plugin)).toEqual(["ZoneIngress"]);
});

test.each([
  ["Mesh", "mesh", "meshes", "Meshes"],
  ["Retry", "retry", "retries", "Retries"],
  ["HealthCheck", "healthcheck", "healthchecks", "Health Checks"],
  ["ZoneIngress", "zone-ingress", "zone-ingresses", "Zone Ingresses"],
  ["ZoneEgress", "zoneegress", "zoneegresses", "Zone Egresses"],
  ["MeshHTTPRoute", "meshhttproute", "meshhttproutes", "Mesh HTTP Routes"],
  ["MeshTLS", "meshtls", "meshtlses", "Mesh TLSes"],
  ["MeshProxyPatch", "meshproxypatch", "meshproxypatches", "Mesh Proxy Patches"],
  ["MeshLoadBalancingStrategy", "meshloadbalancingstrategy", "meshloadbalancingstrategies", "Mesh Load Balancing Strategies"],
  ["MeshMultiZoneService", "meshmultizoneservice", "meshmultizoneservices", "Mesh Multi Zone Services"],
  ["HostnameGenerator", "hostnamegenerator", "hostnamegenerators", "Hostname Generators"],
  ["DataplaneInsight", "", "", "Dataplane Insights"],
])("%s is called %s, %s and %s", (type, singular, plural, displayed) => {
  const kind = kindOf(type);
  expect([kind?.singular, kind?.plural, kind?.displayName.plural]).toEqual([singular, plural, displayed]);
});

test("a gateway's listeners are chosen like a policy, but clients do not list it as one", () => {
  expect(kindOf("MeshGateway")?.policy).toBe(false);
  expect(kindOf("MeshGatewayRoute")?.policy).toBe(true);
});
