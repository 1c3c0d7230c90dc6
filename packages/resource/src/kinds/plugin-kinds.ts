import type { Kind } from "../kind.ts";
import { definePluginKind } from "./plugin-kind.ts";

const everywhere = ["globalToZone", "zoneToGlobal", "betweenZones"] as const;
const both = ["global", "zone"] as const;

const policy = (type: string, path: string, names?: { singular?: string; displayed?: string }): Kind =>
  definePluginKind({
    type,
    scope: "mesh",
    path,
    ...(names?.singular !== undefined && { args: [names.singular, path] }),
    ...(names?.displayed !== undefined && { displayedPlural: names.displayed }),
    flows: everywhere,
    writable: both,
    policy: true,
  });

/** Kinds of newer clients: what an installation that is moved here may hold, kept whole. */
export const pluginKinds: readonly Kind[] = [
  policy("MeshAccessLog", "meshaccesslogs"),
  policy("MeshCircuitBreaker", "meshcircuitbreakers"),
  policy("MeshFaultInjection", "meshfaultinjections"),
  policy("MeshHTTPRoute", "meshhttproutes"),
  policy("MeshHealthCheck", "meshhealthchecks"),
  policy("MeshLoadBalancingStrategy", "meshloadbalancingstrategies"),
  policy("MeshMetric", "meshmetrics"),
  policy("MeshPassthrough", "meshpassthroughs"),
  policy("MeshProxyPatch", "meshproxypatches", { singular: "meshproxypatch" }),
  policy("MeshRateLimit", "meshratelimits"),
  policy("MeshRetry", "meshretries"),
  policy("MeshTCPRoute", "meshtcproutes"),
  policy("MeshTLS", "meshtlses", { singular: "meshtls", displayed: "Mesh TLSes" }),
  policy("MeshTimeout", "meshtimeouts"),
  policy("MeshTrace", "meshtraces"),
  policy("MeshTrafficPermission", "meshtrafficpermissions"),
  definePluginKind({
    type: "MeshService",
    scope: "mesh",
    path: "meshservices",
    flows: ["zoneToGlobal", "betweenZones"],
    writable: ["zone"],
    emptyStatus: { tls: {}, dataplaneProxies: {} },
  }),
  definePluginKind({
    type: "MeshExternalService",
    scope: "mesh",
    path: "meshexternalservices",
    flows: ["globalToZone", "zoneToGlobal"],
    writable: both,
    emptyStatus: { vip: {} },
  }),
  definePluginKind({
    type: "MeshMultiZoneService",
    scope: "mesh",
    path: "meshmultizoneservices",
    flows: ["globalToZone"],
    writable: ["global"],
    emptyStatus: {},
  }),
  definePluginKind({
    type: "HostnameGenerator",
    scope: "global",
    path: "hostnamegenerators",
    flows: ["globalToZone", "zoneToGlobal"],
    writable: both,
  }),
];
