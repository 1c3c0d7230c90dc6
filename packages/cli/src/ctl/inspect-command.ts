import type { Command } from "commander";
import { keyValues } from "../input/flag-values.ts";
import type { ApiClient } from "./client.ts";
import { CtlError } from "./ctl-error.ts";
import { listed, repeated } from "./flags.ts";
import { explanationText, type ExplanationAnswer } from "./explain-text.ts";
import type { Io } from "./io.ts";
import { checkFormat, nextOffset, outputFlag, print, type Page } from "./output.ts";
import {
  dataplaneTable,
  meshTable,
  serviceTable,
  zoneProxyTable,
  zoneTable,
  type DataplaneOverview,
  type MeshOverview,
  type ServiceOverview,
  type ZoneOverview,
  type ZoneProxyOverview,
} from "./overview-tables.ts";
import { dataplanePoliciesText, policyDataplanesText, type DataplanePolicies, type PolicyDataplane } from "./policy-text.ts";
import { pointQuery, revisionFlag, timeFlag, withQuery } from "./point-flags.ts";
import { namedKinds } from "./resource-kinds.ts";
import { renderTable } from "./table.ts";

const meshPath = (mesh: string) => `/meshes/${encodeURIComponent(mesh)}`;

/** `inspect`: what is observed of proxies, zones and services, and which policies act where. */
export function addInspect(program: Command, client: () => ApiClient, io: Io): Command {
  const inspect = program.command("inspect").description("Show what is observed of proxies, zones, meshes and services");
  addDataplanes(inspect, client, io);
  const overview = <Item>(
    names: readonly [string, ...string[]],
    about: string,
    path: string,
    table: (items: Item[], now: Date) => string,
  ) =>
    inspect
      .command(names[0])
      .aliases(names.slice(1))
      .description(about)
      .option(...outputFlag)
      .action(async ({ output }: { output: string }) => {
        checkFormat(output);
        const page = await wholeList<Item>(client(), path);
        print(io, output, page, ({ items }) => table(items, io.now()));
      });
  overview<ZoneOverview>(["zones"], "Zones with their status", "/zones/_overview", zoneTable);
  overview<ZoneProxyOverview>(
    ["zone-ingresses", "zoneingresses"],
    "Zone ingresses with their status",
    "/zone-ingresses/_overview",
    zoneProxyTable,
  );
  overview<ZoneProxyOverview>(
    ["zoneegresses", "zone-egresses"],
    "Zone egresses with their status",
    "/zoneegresses/_overview",
    zoneProxyTable,
  );
  overview<MeshOverview>(["meshes"], "Meshes with their dataplanes and policies", "/mesh-insights", meshTable);
  addServices(inspect, client, io);
  addProxyViews(inspect, client, io);
  addPolicies(inspect, client, io);
  return inspect;
}

/** All pages of a list as one. */
async function wholeList<Item>(client: ApiClient, path: string): Promise<Page<Item>> {
  const items: Item[] = [];
  for (let offset = "0"; ;) {
    const page = await client.json<Page<Item>>("GET", `${path}${path.includes("?") ? "&" : "?"}size=1000&offset=${offset}`);
    items.push(...page.items);
    offset = nextOffset(page);
    if (offset === "") return { total: page.total, items, next: null };
  }
}

function addDataplanes(inspect: Command, client: () => ApiClient, io: Io): void {
  interface Flags {
    mesh: string;
    tag?: string[];
    gateway?: true;
    ingress?: true;
    output: string;
  }
  inspect
    .command("dataplanes")
    .description("Dataplanes with their status")
    .option("-m, --mesh <mesh>", "mesh to look in", "default")
    .option("--tag <key=value>", "only those with this tag", repeated)
    .option("--gateway", "only gateways")
    .option("--ingress", "only ingresses of the kind that zones had before they had a ZoneIngress")
    .option(...outputFlag)
    .action(async ({ mesh, tag, gateway, ingress, output }: Flags) => {
      checkFormat(output);
      const query = new URLSearchParams();
      for (const [key, value] of Object.entries(keyValues(tag ?? [], "--tag"))) query.append("tag", `${key}:${value}`);
      if (gateway) query.set("gateway", "true");
      if (ingress) query.set("ingress", "true");
      const text = query.toString();
      const page = await wholeList<DataplaneOverview>(client(), `${meshPath(mesh)}/dataplanes/_overview${text && `?${text}`}`);
      print(io, output, page, ({ items }) => dataplaneTable(items, io.now()));
    });
}

function addServices(inspect: Command, client: () => ApiClient, io: Io): void {
  inspect
    .command("services")
    .description("Services with their status")
    .option("-m, --mesh <mesh>", "mesh to look in", "default")
    .option(...outputFlag)
    .action(async ({ mesh, output }: { mesh: string; output: string }) => {
      checkFormat(output);
      const page = await wholeList<ServiceOverview>(client(), `${meshPath(mesh)}/service-insights`);
      const items = page.items.map((item) => ({ ...item, type: "ServiceOverview" }));
      print(io, output, { ...page, items }, () => serviceTable(items));
    });
}

interface ViewFlags {
  mesh: string;
  type: string;
  configDump?: true;
  includeEds?: true;
  shadow?: true;
  include?: string[];
  explain?: true;
  only?: string;
  revision?: string;
  at?: string;
  output: string;
}

function addProxyViews(inspect: Command, client: () => ApiClient, io: Io): void {
  const proxy = (name: string, views: string, path: (mesh: string) => string, first: string) =>
    inspect
      .command(`${name} <name>`)
      .description(`One ${name}, by its name as this control plane shows it: ${views}`)
      .option("-m, --mesh <mesh>", "mesh of the proxy", "default")
      .option("--type <view>", views, first)
      .option("--config-dump", "the same as --type config-dump")
      .option("--include-eds", "with endpoints, in a config dump")
      .option("--shadow", "with policies that are only tried, in a config")
      .option("--include <fields>", "more fields, in a config: diff", listed("--include"))
      .option(
        "--explain",
        "which resources and policies made each listener, route and cluster what it is, and why the other policies did not",
      )
      .option(...revisionFlag)
      .option(...timeFlag)
      .option("--only <text>", "of an explanation: parts whose name or path contains the text")
      .option(...outputFlag)
      .action(async (proxyName: string, flags: ViewFlags) => {
        checkFormat(flags.output);
        const proxyPath = `${path(flags.mesh)}/${encodeURIComponent(proxyName)}`;
        if (flags.explain) return explain(proxyPath, flags, client(), io);
        const type = flags.configDump ? "config-dump" : flags.type;
        refuseMisplaced(flags, type);
        if (!views.split(", ").includes(type)) throw new CtlError("invalid inspection type");
        await showProxy(proxyPath, type, flags, client(), io);
      });
  proxy("dataplane", "policies, config-dump, stats, clusters, config", (mesh) => `${meshPath(mesh)}/dataplanes`, "policies");
  proxy("zoneingress", "config-dump, stats, clusters", () => "/zoneingresses", "config-dump");
  proxy("zoneegress", "config-dump, stats, clusters", () => "/zoneegresses", "config-dump");
}

async function explain(path: string, { output, only, ...point }: ViewFlags, client: ApiClient, io: Io): Promise<void> {
  const answer = await client.json<ExplanationAnswer>("GET", withQuery(`${path}/_explain`, pointQuery(point, io.now())));
  print(io, output, answer, () => explanationText(answer, only));
}

function refuseMisplaced({ shadow, include = [], includeEds, only: part, revision, at }: ViewFlags, type: string): void {
  const only = (flag: string, wanted: string) => new CtlError(`flag '--${flag}' can be used only when '--type=${wanted}'`);
  if (shadow && type !== "config") throw only("shadow", "config");
  if (include.length > 0 && type !== "config") throw only("include", "config");
  if (part !== undefined) throw new CtlError("flag '--only' can be used only with '--explain'");
  if ((revision !== undefined || at !== undefined) && type !== "config") {
    throw new CtlError("flags '--revision' and '--at' can be used only with '--explain' or '--type=config'");
  }
  if (includeEds && type !== "config-dump") throw only("include-eds", "config-dump");
}

async function showProxy(path: string, type: string, flags: ViewFlags, client: ApiClient, io: Io): Promise<void> {
  if (type === "policies") io.out(dataplanePoliciesText(await client.json<DataplanePolicies>("GET", `${path}/policies`)));
  else if (type === "config-dump") io.out(await client.text("GET", `${path}/xds?include_eds=${flags.includeEds ?? false}`));
  else if (type === "config")
    io.out(
      await client.text(
        "GET",
        withQuery(`${path}/_config`, {
          include: (flags.include ?? []).join(","),
          shadow: String(flags.shadow ?? false),
          ...pointQuery(flags, io.now()),
        }),
      ),
    );
  else io.out(await client.text("GET", `${path}/${type}`));
}

/** `VirtualOutbound` and `MeshGatewayRoute` are not asked about by clients. */
const inspectedPolicies = namedKinds.filter(({ policy, type }) => policy && type !== "VirtualOutbound" && type !== "MeshGatewayRoute");

function addPolicies(inspect: Command, client: () => ApiClient, io: Io): void {
  for (const { type, singular, path } of inspectedPolicies) {
    inspect
      .command(`${singular} <name>`)
      .description(`Dataplanes that a ${type} acts on`)
      .option("-m, --mesh <mesh>", "mesh of the policy", "default")
      .option("--new-api", "those it selects, at either end")
      .option(...outputFlag)
      .action(async (name: string, flags: { mesh: string; newApi?: true; output: string }) => {
        const policy = `${meshPath(flags.mesh)}/${path}/${encodeURIComponent(name)}`;
        if (!flags.newApi) {
          io.out(policyDataplanesText((await client().json<{ items: PolicyDataplane[] }>("GET", `${policy}/dataplanes`)).items));
          return;
        }
        checkFormat(flags.output);
        const selected = await client().json<{ total: number; items: { type: string; mesh: string; name: string }[] }>(
          "GET",
          `${policy}/_resources/dataplanes`,
        );
        const rows = selected.items.map((item) => [item.type, item.mesh, item.name]);
        print(io, flags.output, selected, () => `${renderTable(["Type", "Mesh", "Name"], rows)}\nTotal: ${selected.total}\n`);
      });
  }
  inspect
    .command("meshgateway <name>")
    .description("Dataplanes that a MeshGateway configures")
    .option("-m, --mesh <mesh>", "mesh of the gateway", "default")
    .action(async (name: string, { mesh }: { mesh: string }) => {
      const path = `${meshPath(mesh)}/meshgateways/${encodeURIComponent(name)}/dataplanes`;
      const { items } = await client().json<{ items: { dataplane: { name: string } }[] }>("GET", path);
      io.out(items.map(({ dataplane }) => `${dataplane.name}\n`).join(""));
    });
}
