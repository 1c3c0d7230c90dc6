import { type Kind, type Resource, kindOf } from "@atoll/resource";
import type { ApiContext } from "./api-context.ts";
import { type Answer, type Call, type Route, json } from "./call.ts";
import type { Shown } from "./catalog.ts";
import { readFilter } from "./list-filter.ts";
import { pageOf, readPage } from "./pagination.ts";
import { notFound } from "./problem.ts";
import { renderWithMeta } from "./render.ts";
import { collectionPath, meshOf, requireAccess } from "./resource-routes.ts";

interface Overview {
  type: string;
  insightType: string;
  specField: string;
  insightField: string;
  /** Path of old clients, in place of the kind's. */
  legacyPath: string;
}

const overviews: readonly Overview[] = [
  {
    type: "Dataplane",
    insightType: "DataplaneInsight",
    specField: "dataplane",
    insightField: "dataplaneInsight",
    legacyPath: "dataplanes+insights",
  },
  {
    type: "ZoneIngress",
    insightType: "ZoneIngressInsight",
    specField: "zoneIngress",
    insightField: "zoneIngressInsight",
    legacyPath: "zoneingresses+insights",
  },
  {
    type: "ZoneEgress",
    insightType: "ZoneEgressInsight",
    specField: "zoneEgress",
    insightField: "zoneEgressInsight",
    legacyPath: "zoneegressoverviews",
  },
  { type: "Zone", insightType: "ZoneInsight", specField: "zone", insightField: "zoneInsight", legacyPath: "zones+insights" },
];

/** A resource together with what is observed of it (controlplane.md 1.3). */
export function overviewRoutes(context: ApiContext): Route[] {
  return overviews.flatMap((overview) => {
    const kind = kindOf(overview.type);
    if (kind === undefined) return [];
    const collection = collectionPath(kind);
    const legacy = collection.replace(kind.path, overview.legacyPath);
    const list = (call: Call) => listOverviews(kind, overview, context, call);
    const item = (call: Call) => getOverview(kind, overview, context, call);
    const listPaths = [`${collection}/_overview`, legacy];
    if (kind.scope === "mesh") listPaths.push(`/${kind.path}/_overview`, `/${overview.legacyPath}`);
    return [
      ...listPaths.map((path): Route => ({ method: "GET", path, run: list })),
      ...[`${collection}/:name/_overview`, `${legacy}/:name`].map((path): Route => ({ method: "GET", path, run: item })),
    ];
  });
}

function render({ type, specField, insightField }: Overview, { resource }: Shown, insight: unknown): object {
  return renderWithMeta(`${type}Overview`, resource, {
    [specField]: resource.spec,
    ...(insight !== undefined && { [insightField]: insight }),
  });
}

function listOverviews(kind: Kind, overview: Overview, context: ApiContext, call: Call): Answer {
  const page = readPage(call.query);
  const filter = readFilter(call, kind.type);
  const mesh = meshOf(kind, context, call);
  requireAccess(kind, context, call);
  const insightOf = insightsOf(overview, context, mesh);
  const shown = context.catalog.list(kind.type, mesh).filter(({ resource }) => filter(resource));
  return json(pageOf(call, page, shown, (each) => render(overview, each, insightOf(each.resource))));
}

function getOverview(kind: Kind, overview: Overview, context: ApiContext, call: Call): Answer {
  const mesh = meshOf(kind, context, call)!;
  requireAccess(kind, context, call);
  const shown = context.catalog.get(kind.type, mesh, call.params["name"]!);
  if (shown === undefined) throw notFound("Could not retrieve a resource");
  const insight =
    overview.type === "Zone"
      ? context.options.zoneInsight?.(shown.resource.name)
      : context.catalog.get(overview.insightType, mesh, shown.resource.name)?.resource.spec;
  // Of one alone, clients are shown an empty insight where there is none.
  return json(render(overview, shown, insight ?? {}));
}

function insightsOf(overview: Overview, context: ApiContext, mesh: string | undefined): (resource: Resource) => unknown {
  if (overview.type === "Zone") return ({ name }) => context.options.zoneInsight?.(name);
  const key = (resource: Resource) => `${resource.mesh}/${resource.name}`;
  const specs = new Map(context.catalog.list(overview.insightType, mesh).map(({ resource }) => [key(resource), resource.spec]));
  return (resource) => specs.get(key(resource));
}
