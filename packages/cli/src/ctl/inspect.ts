import type { Command } from "commander";
import { stringify } from "yaml";
import type { ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import { age, renderTable, renderTags } from "./table.ts";

interface Subscription {
  connectTime?: string;
  disconnectTime?: string;
  status?: { lastUpdateTime?: string; total?: { responsesSent?: string; responsesRejected?: string } };
  version?: { kumaDp?: { version?: string }; envoy?: { version?: string }; kumaCp?: { version?: string } };
}
interface Insight {
  subscriptions?: Subscription[];
  mTLS?: {
    certificateExpirationTime?: string;
    lastCertificateRegeneration?: string;
    certificateRegenerations?: number;
    issuedBackend?: string;
    supportedBackends?: string[];
  };
}
interface Overview {
  mesh?: string;
  name: string;
  dataplane?: {
    networking: {
      inbound?: { tags?: Record<string, string>; health?: { ready?: boolean }; state?: string }[];
      gateway?: { tags?: Record<string, string> };
    };
  };
  dataplaneInsight?: Insight;
  zoneIngressInsight?: Insight;
  zoneEgressInsight?: Insight;
  zone?: { enabled?: boolean };
  zoneInsight?: Insight;
}

/** `inspect`: what is observed of proxies, zones and services. */
export function addInspect(program: Command, client: () => ApiClient): void {
  const inspect = program.command("inspect").description("Show what is observed of proxies, zones, meshes and services");
  const list = <Item>(
    name: string,
    aliases: string[],
    path: (mesh: string) => string,
    table: (items: Item[], now: Date) => string,
    about: string,
  ) =>
    inspect
      .command(name)
      .aliases(aliases)
      .description(about)
      .option("-m, --mesh <mesh>", "mesh to look in", "default")
      .option("-o, --output <format>", "table, yaml or json", "table")
      .action(async (flags: { mesh: string; output: string }) => {
        const body = await client().json<{ items: Item[] }>("GET", path(flags.mesh));
        if (flags.output === "json") process.stdout.write(`${JSON.stringify(body, null, 2)}\n`);
        else if (flags.output === "yaml") process.stdout.write(stringify(body));
        else process.stdout.write(table(body.items, new Date()));
      });

  list<Overview>(
    "dataplanes",
    [],
    (mesh) => `/meshes/${encodeURIComponent(mesh)}/dataplanes/_overview?size=1000`,
    dataplaneTable,
    "Dataplanes with their status",
  );
  list<Overview>("zones", [], () => "/zones/_overview?size=1000", zoneTable, "Zones with their status");
  list<Overview>(
    "zone-ingresses",
    ["zoneingresses"],
    () => "/zone-ingresses/_overview?size=1000",
    (items, now) => zoneProxyTable(items, "zoneIngressInsight", now),
    "Zone ingresses with their status",
  );
  list<Overview>(
    "zoneegresses",
    ["zone-egresses"],
    () => "/zoneegresses/_overview?size=1000",
    (items, now) => zoneProxyTable(items, "zoneEgressInsight", now),
    "Zone egresses with their status",
  );
  list<{ mesh: string; name: string; status?: string; dataplanes?: { online?: number; total?: number } }>(
    "services",
    [],
    (mesh) => `/meshes/${encodeURIComponent(mesh)}/service-insights?size=1000`,
    (items) =>
      renderTable(
        ["SERVICE", "STATUS", "DATAPLANES"],
        items.map((item) => [item.name, status(item.status), `${item.dataplanes?.online ?? 0}/${item.dataplanes?.total ?? 0}`]),
      ),
    "Services with their status",
  );
  list<{
    name: string;
    lastSync?: string;
    dataplanes?: { online?: number; total?: number };
    policies?: Record<string, { total?: number }>;
  }>(
    "meshes",
    [],
    () => "/mesh-insights?size=1000",
    (items) =>
      renderTable(
        ["NAME", "DATAPLANES", "POLICIES"],
        items.map((item) => [
          item.name,
          `${item.dataplanes?.online ?? 0}/${item.dataplanes?.total ?? 0}`,
          String(Object.values(item.policies ?? {}).reduce((sum, one) => sum + (one.total ?? 0), 0)),
        ]),
      ),
    "Meshes with their dataplanes and policies",
  );

  const proxyViews = { "config-dump": "xds", stats: "stats", clusters: "clusters", policies: "policies" } as const;
  const one = (name: string, path: (mesh: string, proxy: string) => string, first: keyof typeof proxyViews) =>
    inspect
      .command(`${name} <name>`)
      .description(`One ${name}, by its name as this control plane shows it: what its Envoy says`)
      .option("-m, --mesh <mesh>", "mesh of the proxy", "default")
      .option("--type <view>", Object.keys(proxyViews).join(", "), first)
      .action(async (proxy: string, flags: { mesh: string; type: string }) => {
        const view = proxyViews[flags.type as keyof typeof proxyViews];
        if (view === undefined) throw new CtlError(`--type: "${flags.type}" is not one of ${Object.keys(proxyViews).join(", ")}`);
        process.stdout.write(await client().text("GET", `${path(flags.mesh, encodeURIComponent(proxy))}/${view}`));
      });
  one("dataplane", (mesh, proxy) => `/meshes/${encodeURIComponent(mesh)}/dataplanes/${proxy}`, "policies");
  one("zoneingress", (_mesh, proxy) => `/zoneingresses/${proxy}`, "config-dump");
  one("zoneegress", (_mesh, proxy) => `/zoneegresses/${proxy}`, "config-dump");

  inspect
    .command("revisions")
    .description("The newest changes, accepted and rejected: revision, time, author, what, why (the last 100)")
    .option("--from <revision>", "first revision")
    .option("--to <revision>", "last revision")
    .action(async (flags: { from?: string; to?: string }) => {
      const query = new URLSearchParams({ ...(flags.from && { from: flags.from }), ...(flags.to && { to: flags.to }) }).toString();
      const body = await client().json<{
        items: {
          revision: number;
          at: string;
          author: string;
          reason?: string;
          accepted: boolean;
          changes: { op: string; key: string }[];
        }[];
      }>("GET", `/revisions${query && `?${query}`}`);
      process.stdout.write(
        renderTable(
          ["REVISION", "TIME", "AUTHOR", "VERDICT", "CHANGES", "REASON"],
          body.items.map((item) => [
            String(item.revision),
            item.at,
            item.author,
            item.accepted ? "accepted" : "rejected",
            item.changes.map(({ op, key }) => `${op} ${key.replace("//", "/")}`).join(", "),
            item.reason ?? "",
          ]),
        ),
      );
    });
}

const isOpen = (subscription: Subscription) => subscription.connectTime !== undefined && subscription.disconnectTime === undefined;
const online = (insight: Insight | undefined) => (insight?.subscriptions?.some(isOpen) ? "Online" : "Offline");
const status = (text: string | undefined) =>
  ({ online: "Online", offline: "Offline", partially_degraded: "Partially degraded", not_available: "Not available" })[text ?? ""] ??
  "Not available";
const total = (insight: Insight | undefined, what: "responsesSent" | "responsesRejected") =>
  String((insight?.subscriptions ?? []).reduce((sum, one) => sum + Number(one.status?.total?.[what] ?? 0), 0));

function dataplaneTable(items: Overview[], now: Date): string {
  return renderTable(
    [
      "MESH",
      "NAME",
      "TAGS",
      "STATUS",
      "LAST CONNECTED AGO",
      "LAST UPDATED AGO",
      "TOTAL UPDATES",
      "TOTAL ERRORS",
      "CERT REGENERATED AGO",
      "CERT EXPIRATION",
      "CERT REGENERATIONS",
      "CERT BACKEND",
      "SUPPORTED CERT BACKENDS",
      "KUMA-DP VERSION",
      "ENVOY VERSION",
    ],
    items.map((item) => {
      const networking = item.dataplane!.networking;
      const inbounds = networking.inbound ?? [];
      const insight = item.dataplaneInsight;
      const last = insight?.subscriptions?.at(-1);
      const ready = inbounds.filter((one) => one.state !== "NotReady" && one.state !== "Ignored" && one.health?.ready !== false).length;
      const state =
        online(insight) === "Offline" || (inbounds.length > 0 && ready === 0)
          ? "Offline"
          : ready < inbounds.length
            ? "Partially degraded"
            : "Online";
      const tags = [...inbounds.map((one) => one.tags ?? {}), ...(networking.gateway ? [networking.gateway.tags ?? {}] : [])];
      return [
        item.mesh ?? "",
        item.name,
        renderTags(tags),
        state,
        age(last?.connectTime, now),
        age(last?.status?.lastUpdateTime, now),
        total(insight, "responsesSent"),
        total(insight, "responsesRejected"),
        age(insight?.mTLS?.lastCertificateRegeneration, now),
        insight?.mTLS?.certificateExpirationTime ?? "-",
        String(insight?.mTLS?.certificateRegenerations ?? 0),
        insight?.mTLS?.issuedBackend ?? "-",
        insight?.mTLS?.supportedBackends?.join(",") ?? "-",
        last?.version?.kumaDp?.version ?? "unknown",
        last?.version?.envoy?.version ?? "unknown",
      ];
    }),
  );
}

function zoneTable(items: Overview[], now: Date): string {
  return renderTable(
    ["NAME", "STATUS", "LAST CONNECTED AGO", "LAST UPDATED AGO", "TOTAL UPDATES", "TOTAL ERRORS", "ZONE-CP VERSION"],
    items.map((item) => {
      const last = item.zoneInsight?.subscriptions?.at(-1);
      const state = item.zone?.enabled === false ? "Disabled" : online(item.zoneInsight);
      return [
        item.name,
        state,
        age(last?.connectTime, now),
        age(last?.status?.lastUpdateTime, now),
        total(item.zoneInsight, "responsesSent"),
        total(item.zoneInsight, "responsesRejected"),
        last?.version?.kumaCp?.version ?? "unknown",
      ];
    }),
  );
}

function zoneProxyTable(items: Overview[], insightKey: "zoneIngressInsight" | "zoneEgressInsight", now: Date): string {
  return renderTable(
    ["NAME", "STATUS", "LAST CONNECTED AGO", "LAST UPDATED AGO", "TOTAL UPDATES", "TOTAL ERRORS", "KUMA-DP VERSION", "ENVOY VERSION"],
    items.map((item) => {
      const insight = item[insightKey];
      const last = insight?.subscriptions?.at(-1);
      return [
        item.name,
        online(insight),
        age(last?.connectTime, now),
        age(last?.status?.lastUpdateTime, now),
        total(insight, "responsesSent"),
        total(insight, "responsesRejected"),
        last?.version?.kumaDp?.version ?? "unknown",
        last?.version?.envoy?.version ?? "unknown",
      ];
    }),
  );
}
