import type { Kind } from "../kind.ts";
import { zoneInsightSpec, zoneProxyInsightSpec } from "../specs/insight.ts";
import { meshInsightSpec } from "../specs/mesh-insight.ts";
import { meshSpec } from "../specs/mesh.ts";
import { secretSpec } from "../specs/secret.ts";
import { zoneEgressSpec, zoneIngressSpec } from "../specs/zone-proxy.ts";
import { zoneSpec } from "../specs/zone.ts";
import { meshWithDefaults } from "../mesh-defaults.ts";
import { validateMesh } from "../validators/mesh.ts";
import { validateZoneEgress, validateZoneIngress } from "../validators/zone-proxy.ts";
import { defineKind } from "./define-kind.ts";

/** Kinds of global scope. */
export const systemKinds: readonly Kind[] = [
  defineKind({
    type: "Mesh",
    scope: "global",
    path: "meshes",
    args: ["mesh", "meshes"],
    flows: ["globalToZone"],
    writable: ["global"],
    schema: meshSpec,
    validate: validateMesh,
    defaults: meshWithDefaults,
  }),
  defineKind({ type: "Zone", scope: "global", path: "zones", flows: [], writable: ["global", "zone"], schema: zoneSpec }),
  defineKind({
    type: "ZoneIngress",
    scope: "global",
    path: "zone-ingresses",
    args: ["zone-ingress", "zone-ingresses"],
    flows: ["zoneToGlobal", "betweenZones"],
    writable: ["zone"],
    namespaced: true,
    schema: zoneIngressSpec,
    validate: validateZoneIngress,
  }),
  defineKind({
    type: "ZoneEgress",
    scope: "global",
    path: "zoneegresses",
    args: ["zoneegress", "zoneegresses"],
    flows: ["zoneToGlobal"],
    writable: ["zone"],
    namespaced: true,
    schema: zoneEgressSpec,
    validate: validateZoneEgress,
  }),
  defineKind({
    type: "GlobalSecret",
    scope: "global",
    path: "global-secrets",
    flows: ["globalToZone"],
    writable: ["global", "zone"],
    adminOnly: true,
    namespaced: true,
    schema: secretSpec,
  }),
  defineKind({ type: "ZoneInsight", scope: "global", path: "zone-insights", args: null, flows: [], writable: [], schema: zoneInsightSpec }),
  defineKind({
    type: "ZoneIngressInsight",
    scope: "global",
    path: "zone-ingress-insights",
    args: null,
    flows: ["zoneToGlobal"],
    writable: [],
    namespaced: true,
    schema: zoneProxyInsightSpec,
  }),
  defineKind({
    type: "ZoneEgressInsight",
    scope: "global",
    path: "zoneegressinsights",
    args: null,
    flows: ["zoneToGlobal"],
    writable: [],
    namespaced: true,
    schema: zoneProxyInsightSpec,
  }),
  defineKind({ type: "MeshInsight", scope: "global", path: "mesh-insights", args: null, flows: [], writable: [], schema: meshInsightSpec }),
];
