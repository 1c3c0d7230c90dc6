import {
  type DataplaneSpec,
  type Kind,
  type MeshGatewaySpec,
  type MeshServiceSpec,
  type Resource,
  type WithStatus,
  kindOf,
  kinds,
} from "@atoll/resource";
import { type Selector, bestMatch } from "@atoll/policy";
import { type AccessRules, defaultAccess, requirePermission } from "./access.ts";
import type { ApiContext } from "./api-context.ts";
import { type Answer, type Call, type Route, json, text } from "./call.ts";
import type { Shown } from "./catalog.ts";
import { jsonPatch } from "./json-patch.ts";
import { readPoint } from "./history/time-travel.ts";
import { pageOf, readPage } from "./pagination.ts";
import type { ProxyAdminQuery, ProxyKey } from "./ports.ts";
import { ApiError, badRequest, invalid, notAllowed, notFound } from "./problem.ts";
import { renderMeta } from "./render.ts";
import { contextOfDataplane } from "./rollouts/proxy-context.ts";
import { policyLists, targetRulesOf } from "./policy-routes.ts";
import { meshOf } from "./resource-routes.ts";

/** What proxies have, and which of them a policy selects (controlplane.md 1.7). */
export function inspectRoutes(context: ApiContext): Route[] {
  const dataplane = kindOf("Dataplane")!;
  const gateway = kindOf("MeshGateway")!;
  const routes: Route[] = [
    { method: "GET", path: "/meshes/:mesh/dataplanes/:name/_explain", run: (call) => explain("Dataplane", context, call) },
    { method: "GET", path: "/zoneingresses/:name/_explain", run: (call) => explain("ZoneIngress", context, call) },
    { method: "GET", path: "/zoneegresses/:name/_explain", run: (call) => explain("ZoneEgress", context, call) },
    { method: "GET", path: "/meshes/:mesh/dataplanes/:name/:view", run: (call) => viewProxy("Dataplane", context, call) },
    { method: "GET", path: "/zoneingresses/:name/:view", run: (call) => viewProxy("ZoneIngress", context, call) },
    { method: "GET", path: "/zoneegresses/:name/:view", run: (call) => viewProxy("ZoneEgress", context, call) },
    ...[dataplane, gateway].map((kind): Route => {
      const run = (call: Call) =>
        shownOr404(kind, context, call, `Could not retrieve ${kind.type}`, (found) => {
          const { resource } = found;
          const inEffect = kind === dataplane ? contextOfDataplane(context, found) : context;
          const rules = targetRulesOf(inEffect, resource.mesh, policyLists(inEffect, resource.mesh));
          if (kind === dataplane) return json(rules.render(resource as Resource<DataplaneSpec>));
          const shown = rules.renderGateway(resource as Resource<MeshGatewaySpec>);
          if (shown === undefined) throw invalid("no selectors on MeshGateway this is not supported", []);
          return json(shown);
        });
      return { method: "GET", path: `/meshes/:mesh/${kind.path}/:name/_rules`, run };
    }),
  ];
  if (context.options.settings.mode === "global") {
    const refuse = () => {
      throw notAllowed("Not allowed on global CP");
    };
    routes.push({ method: "GET", path: `/meshes/:mesh/${gateway.path}/:name/_config`, run: refuse });
  }
  routes.push({ method: "GET", path: "/meshes/:mesh/dataplanes/:name/_config", run: (call) => showConfig(context, call) });
  for (const kind of kinds.filter((each) => each.scope === "mesh" && each.path !== "")) {
    routes.push({ method: "GET", path: `/meshes/:mesh/${kind.path}/:name/_hostnames`, run: (call) => hostnames(kind, context, call) });
  }
  for (const kind of kinds.filter((each) => each.scope === "mesh" && (each.policy || each.type === "MeshService"))) {
    for (const segment of ["_resources", "-resources"]) {
      routes.push({
        method: "GET",
        path: `/meshes/:mesh/${kind.path}/:name/${segment}/dataplanes`,
        run: (call) => selectedDataplanes(kind, context, call),
      });
    }
  }
  return routes;
}

function shownOr404(kind: Kind, context: ApiContext, call: Call, title: string, render: (shown: Shown) => Answer): Answer {
  const mesh = meshOf(kind, context, call)!;
  const shown = context.catalog.get(kind.type, mesh, call.params["name"]!);
  if (shown === undefined) throw notFound(title);
  return render(shown);
}

/** Paths of the kinds that have host names, as clients are told them. */
const namedServices = ["meshservices", "meshexternalservices", "meshmultizoneservices"];

/** Which names lead to a service, and in which zones: as the logs of these say. */
function hostnames(kind: Kind, context: ApiContext, call: Call): Answer {
  if (!kind.hasStatus) throw invalid(`only "${namedServices.join(",")}" are available for inspection`, []);
  const mesh = meshOf(kind, context, call)!;
  const shown = context.catalog.get(kind.type, mesh, call.params["name"]!);
  if (shown === undefined) throw notFound("could not retrieve service");
  const zonesOf = new Map<string, string[]>();
  for (const { zone, record } of context.catalog.serviceRecords(shown)) {
    for (const { hostname } of record.service?.addresses ?? []) zonesOf.set(hostname, [...(zonesOf.get(hostname) ?? []), zone]);
  }
  const items = [...zonesOf].sort(([a], [b]) => (a < b ? -1 : 1));
  return json({ items: items.map(([hostname, zones]) => ({ hostname, zones: zones.map((name) => ({ name })) })), total: items.length });
}

const permissions = { xds: "viewConfigDump", stats: "viewStats", clusters: "viewClusters" } as const satisfies Record<
  string,
  keyof AccessRules
>;
const adminTitle = "Could not execute admin operation";

async function viewProxy(type: ProxyKey["type"], context: ApiContext, call: Call): Promise<Answer> {
  const view = call.params["view"]!;
  if (view !== "xds" && view !== "stats" && view !== "clusters") throw notFound(adminTitle);
  requireView(view, context, call);
  const format = call.query.get("format") === "json" ? "json" : "text";
  const includeEds = ["", "1", "t", "true"].includes(call.query.get("include_eds") ?? "false");
  const body = await askProxy(type, context, call, view === "xds" ? { subject: "config-dump", includeEds } : { subject: view, format });
  return text(body, view === "xds" || format === "json" ? "application/json" : "text/plain");
}

/** What clients in Go may write for a boolean; the empty text stands for no value. */
const goTruths = new Set(["1", "t", "T", "TRUE", "true", "True"]);
const goBooleans = new Set(["", ...goTruths, "0", "f", "F", "FALSE", "false", "False"]);

/** Which resources and policies made each part of a proxy's configuration, as the xDS server that serves it says. */
async function explain(type: ProxyKey["type"], context: ApiContext, call: Call): Promise<Answer> {
  requireView("xds", context, call);
  const { then, headers } = await pastOf(context, call);
  return json(JSON.parse(await askProxy(type, context, call, { subject: "explain", ...then })), 200, headers);
}

/** The proxy as it is now, with the configuration of a revision or a time, if one is asked for. */
async function pastOf(context: ApiContext, call: Call): Promise<{ then: { revision?: number }; headers: Record<string, string> }> {
  const revision = await readPoint(context, call);
  if (revision === undefined) return { then: {}, headers: {} };
  if (revision > context.options.config.revision) throw notFound("Could not retrieve revisions");
  return { then: { revision }, headers: { "atoll-at-revision": String(revision) } };
}

function requireView(view: keyof typeof permissions, { options }: ApiContext, call: Call): void {
  requirePermission((options.settings.access ?? defaultAccess)[permissions[view]], call.user, "envoy proxy info");
}

/** What the proxy's Envoy is told; the difference that is asked for is what policies change that are there to be looked at. */
async function showConfig(context: ApiContext, call: Call): Promise<Answer> {
  requireView("xds", context, call);
  const included = (call.query.get("include") ?? "").split(",").filter((each, _index, all) => each !== "" || all.length > 1);
  const shadow = call.query.get("shadow") ?? "";
  if (!goBooleans.has(shadow)) throw badRequest("bad request: unsupported value for query parameter 'shadow'");
  if (included.some((each) => each !== "diff")) throw badRequest("bad request: unsupported value for query parameter 'include'");
  if (!context.catalog.has("Dataplane", call.params["mesh"]!, call.params["name"]!)) throw notFound("Failed to inspect proxy config");
  const { then, headers } = await pastOf(context, call);
  const computed = async (asked: boolean): Promise<unknown> =>
    JSON.parse(await askProxy("Dataplane", context, call, { subject: "config", shadow: asked, ...then }));
  const shadows = goTruths.has(shadow);
  const xds = await computed(shadows);
  if (!included.includes("diff")) return json({ xds }, 200, headers);
  return json({ diff: shadows ? jsonPatch(await computed(false), xds) : [], xds }, 200, headers);
}

async function askProxy(type: ProxyKey["type"], { catalog, options }: ApiContext, call: Call, query: ProxyAdminQuery): Promise<string> {
  const shown = catalog.get(type, call.params["mesh"] ?? "", call.params["name"]!);
  if (shown === undefined) throw notFound(`Could not get ${type === "Dataplane" ? "dataplane" : "zone ingress"} resource`);
  const { home, zone = options.settings.zone ?? "" } = shown;
  if (options.settings.mode === "zone" && zone !== options.settings.zone) {
    throw invalid("Could not connect to zone ingress that resides in another zone", []);
  }
  if (options.proxies === undefined) throw new ApiError({ status: 400, title: adminTitle, detail: "this process reaches no proxies" });
  let body: string | Uint8Array;
  try {
    body = await options.proxies.inspect({ type, zone, mesh: home.mesh, name: home.name }, query);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const detail = error instanceof Error ? error.message : String(error);
    throw new ApiError({ status: 400, title: adminTitle, detail }, { cause: error });
  }
  return typeof body === "string" ? body : new TextDecoder().decode(body);
}

/** Selectors by which a policy finds the proxies it concerns, at either end. */
function selectorsOf(spec: unknown): Selector[] {
  const {
    selectors = [],
    sources = [],
    destinations = [],
  } = spec as { selectors?: Selector[]; sources?: Selector[]; destinations?: Selector[] };
  return [...selectors, ...sources, ...destinations];
}

/** A MeshService without a selector selects nobody. */
const servicesSelectors = ({ dataplaneTags = {} }: MeshServiceSpec["selector"]): Selector[] =>
  Object.keys(dataplaneTags).length > 0 ? [{ match: dataplaneTags }] : [];

/** Tag sets of a dataplane, those of inbounds that are ignored included: selection does not look at their state. */
function tagSets({ networking }: DataplaneSpec): Record<string, string>[] {
  return networking.gateway === undefined ? (networking.inbound ?? []).map(({ tags }) => tags) : [networking.gateway.tags];
}

function selectedDataplanes(kind: Kind, context: ApiContext, call: Call): Answer {
  const mesh = meshOf(kind, context, call)!;
  const page = readPage(call.query);
  const policy = context.catalog.get(kind.type, mesh, call.params["name"]!);
  if (policy === undefined) throw notFound("Could not retrieve policy");
  const name = call.query.get("name") ?? "";
  const selectors = kind.plugin ? [] : selectorsOf(policy.resource.spec);
  const targets = kind.plugin && kind.policy ? targetRulesOf(context, mesh, policyLists(context, mesh)) : undefined;
  const service = kind.type === "MeshService" ? (policy.resource.spec as WithStatus<MeshServiceSpec>).spec.selector : undefined;
  const isSelected = (dataplane: Resource<DataplaneSpec>): boolean => {
    if (targets) return targets.selects(policy.resource, dataplane);
    if (service?.dataplaneRef) return service.dataplaneRef.name === dataplane.name;
    return bestMatch(service ? servicesSelectors(service) : selectors, tagSets(dataplane.spec)) !== undefined;
  };
  const selected = context.catalog
    .list("Dataplane", mesh)
    .map(({ resource }) => resource as Resource<DataplaneSpec>)
    .filter((resource) => resource.name.includes(name) && isSelected(resource));
  const { total, items, next } = pageOf(call, page, selected, renderMeta) as { total: number; items: object[]; next: string | null };
  return json({ items, ...(next !== null && { next }), total });
}
