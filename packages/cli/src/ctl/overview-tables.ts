import {
  connectionStatus,
  type DataplaneInsightSpec,
  type DataplaneSpec,
  type ProxyStatus,
  isOnline,
  type ZoneInsightSpec,
  type ZoneSpec,
} from "@atoll/resource";
import { dataplaneTags } from "./resource-table.ts";
import { age, date, renderTable, renderTags } from "./table.ts";

/** What all insights have in common. */
interface Insight {
  subscriptions?: {
    connectTime?: string;
    disconnectTime?: string;
    config?: string;
    status?: { lastUpdateTime?: string; total?: { responsesSent?: string; responsesRejected?: string } };
    version?: {
      kumaDp?: { version?: string };
      envoy?: { version?: string };
      kumaCp?: { version?: string };
      dependencies?: Record<string, string>;
    };
  }[];
}

export interface DataplaneOverview {
  mesh: string;
  name: string;
  dataplane: DataplaneSpec;
  dataplaneInsight?: DataplaneInsightSpec & Insight;
}

/** Connected and updated how long ago, updates, errors: columns of every proxy and zone. */
function activity(insight: Insight | undefined, now: Date): string[] {
  const last = insight?.subscriptions?.at(-1);
  const sum = (field: "responsesSent" | "responsesRejected") =>
    (insight?.subscriptions ?? []).reduce((total, { status }) => total + Number(status?.total?.[field] ?? 0), 0);
  return [
    age(last?.connectTime, now),
    age(last?.status?.lastUpdateTime, now),
    String(sum("responsesSent")),
    String(sum("responsesRejected")),
  ];
}

const activityHeaders = ["LAST CONNECTED AGO", "LAST UPDATED AGO", "TOTAL UPDATES", "TOTAL ERRORS"];

function versions(insight: Insight | undefined): string[] {
  const version = insight?.subscriptions?.at(-1)?.version;
  return [version?.kumaDp?.version ?? "", version?.envoy?.version ?? ""];
}

export function dataplaneTable(items: readonly DataplaneOverview[], now: Date): string {
  const headers = [
    ...["MESH", "NAME", "TAGS", "STATUS", ...activityHeaders],
    ...["CERT REGENERATED AGO", "CERT EXPIRATION", "CERT REGENERATIONS", "CERT BACKEND", "SUPPORTED CERT BACKENDS"],
    ...["KUMA-DP VERSION", "ENVOY VERSION", "DEPENDENCIES VERSIONS", "NOTES"],
  ];
  return renderTable(
    headers,
    items.map(({ mesh, name, dataplane, dataplaneInsight: insight }) => {
      const { status, notes } = judge(dataplane, insight);
      const { mTLS } = insight ?? {};
      const dependencies = Object.entries(insight?.subscriptions?.at(-1)?.version?.dependencies ?? {});
      return [
        ...[mesh, name, renderTags(dataplaneTags(dataplane.networking)), status, ...activity(insight, now)],
        age(mTLS?.lastCertificateRegeneration, now),
        date(mTLS?.certificateExpirationTime),
        String(mTLS?.certificateRegenerations ?? 0),
        mTLS === undefined ? "-" : (mTLS.issuedBackend ?? ""),
        mTLS?.supportedBackends?.join(",") ?? "",
        ...versions(insight),
        dependencies.length === 0 ? "-" : dependencies.map(([dependency, version]) => `${dependency}: ${version}`).join(", "),
        notes.join(";"),
      ];
    }),
  );
}

/** Notes name the inbounds that are not ready; a gateway is not judged by inbounds. */
function judge({ networking }: DataplaneSpec, insight: Insight | undefined): { status: ProxyStatus; notes: string[] } {
  const { inbound = [], gateway } = networking;
  const notes = inbound
    .filter(({ health, state }) => (health !== undefined && health.ready !== true) || state === "NotReady")
    .map(({ port, tags }) => `inbound[port=${port},svc=${tags["kuma.io/service"] ?? ""}] is not ready`);
  const noneReady = gateway === undefined && notes.length === inbound.length;
  if (!isOnline(insight) || noneReady) return { status: "Offline", notes };
  return gateway === undefined && notes.length > 0 ? { status: "Partially degraded", notes } : { status: "Online", notes: [] };
}

export interface ZoneOverview {
  name: string;
  zone?: ZoneSpec;
  zoneInsight?: ZoneInsightSpec & Insight;
}

export function zoneTable(items: readonly ZoneOverview[], now: Date): string {
  return renderTable(
    ["NAME", "STATUS", ...activityHeaders, "ZONE-CP VERSION", "BACKEND"],
    items.map(({ name, zone, zoneInsight: insight }) => {
      const last = insight?.subscriptions?.at(-1);
      const status = isOnline(insight) && zone?.enabled !== false ? "Online" : "Offline";
      return [name, status, ...activity(insight, now), last?.version?.kumaCp?.version ?? "", backendOf(last?.config)];
    }),
  );
}

/** What keeps the zone's resources, as its own settings say. */
function backendOf(config: string | undefined): string {
  try {
    return (JSON.parse(config || "{}") as { store?: { type?: string } }).store?.type ?? "";
  } catch {
    return "";
  }
}

export interface ZoneProxyOverview {
  name: string;
  zoneIngressInsight?: Insight;
  zoneEgressInsight?: Insight;
}

export function zoneProxyTable(items: readonly ZoneProxyOverview[], now: Date): string {
  return renderTable(
    ["NAME", "STATUS", ...activityHeaders, "KUMA-DP VERSION", "ENVOY VERSION"],
    items.map(({ name, zoneIngressInsight, zoneEgressInsight }) => {
      const insight = zoneIngressInsight ?? zoneEgressInsight;
      return [name, connectionStatus(insight), ...activity(insight, now), ...versions(insight)];
    }),
  );
}

export interface ServiceOverview {
  name: string;
  status?: string;
  dataplanes?: { online?: number; total?: number };
}

const serviceStatuses: Record<string, string> = { online: "Online", partially_degraded: "Partially degraded" };

export const serviceTable = (items: readonly ServiceOverview[]): string =>
  renderTable(
    ["SERVICE", "STATUS", "DATAPLANES"],
    items.map(({ name, status = "", dataplanes }) => [name, serviceStatuses[status] ?? "Offline", ratio(dataplanes)]),
  );

export interface MeshOverview {
  name: string;
  dataplanes?: { online?: number; total?: number };
  policies?: Record<string, { total?: number }>;
}

const countedPolicies = {
  TrafficPermission: "TRAFFIC PERMISSIONS",
  TrafficRoute: "TRAFFIC ROUTES",
  CircuitBreaker: "CIRCUIT BREAKERS",
  HealthCheck: "HEALTH CHECKS",
  FaultInjection: "FAULT INJECTIONS",
  ExternalService: "EXTERNAL SERVICES",
  TrafficTrace: "TRAFFIC TRACES",
  TrafficLog: "TRAFFIC LOGS",
  ProxyTemplate: "PROXY TEMPLATES",
  RateLimit: "RATE LIMITS",
};

export const meshTable = (items: readonly MeshOverview[]): string =>
  renderTable(
    ["MESH", "DATAPLANES", ...Object.values(countedPolicies)],
    items.map(({ name, dataplanes, policies = {} }) => [
      name,
      ratio(dataplanes),
      ...Object.keys(countedPolicies).map((type) => String(policies[type]?.total ?? 0)),
    ]),
  );

const ratio = ({ online = 0, total = 0 }: { online?: number; total?: number } = {}): string => `${online}/${total}`;
