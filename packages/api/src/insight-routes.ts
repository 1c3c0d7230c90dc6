import { type Resource, type ZoneSpec, isOnline, kindOf } from "@atoll/resource";
import type { ApiContext } from "./api-context.ts";
import { type Answer, type Call, type Route, json } from "./call.ts";

import { globalInsight, globalResourceTotals } from "./global-insight.ts";
import { readFilter } from "./list-filter.ts";
import { meshInsight, renderMeshInsight } from "./mesh-insights.ts";
import { pageOf, readPage } from "./pagination.ts";
import { badRequest, notFound } from "./problem.ts";
import { type Form, readForm, renderResource, renderWithMeta } from "./render.ts";
import { writeRoutes } from "./resource-routes.ts";
import { type ServiceInsight, type ServiceType, renderServiceInsight, serviceInsights, serviceTypes } from "./service-insights.ts";

/** Statistics, computed when asked for (controlplane.md 1.7). */
export function insightRoutes(context: ApiContext): Route[] {
  const { options, catalog } = context;
  const at = () => new Date(options.now()).toISOString();
  const zoneInsight = (zone: string) => options.zoneInsight?.(zone);
  const refusals = ["MeshInsight", "ServiceInsight", "ZoneInsight"].flatMap((type) => {
    const kind = kindOf(type);
    return kind === undefined ? [] : writeRoutes(kind, context);
  });
  const zones = () => catalog.list("Zone");
  return [
    ...refusals,
    { method: "GET", path: "/global-insight", run: () => json(globalInsight(catalog, zoneInsight, at())) },
    { method: "GET", path: "/global-insights", run: () => json(globalResourceTotals(catalog, at())) },
    { method: "GET", path: "/status/zones", run: () => json(zoneStatus(context)) },
    {
      method: "GET",
      path: "/mesh-insights",
      run: (call) => listed(call, catalog.list("Mesh"), ({ resource }) => meshItem(context, resource)),
    },
    {
      method: "GET",
      path: "/mesh-insights/:name",
      run: (call) => json(meshItem(context, found(catalog.get("Mesh", "", call.params["name"]!)).resource, readForm(call))),
    },
    {
      method: "GET",
      path: "/zone-insights",
      run: (call) =>
        listed(
          call,
          zones().filter(({ resource }) => zoneInsight(resource.name) !== undefined),
          ({ resource }) => zoneItem(resource, zoneInsight(resource.name)),
        ),
    },
    {
      method: "GET",
      path: "/zone-insights/:name",
      run: (call) => {
        const { resource } = found(catalog.get("Zone", "", call.params["name"]!));
        return json(zoneItem(resource, found(zoneInsight(resource.name)), readForm(call)));
      },
    },
    { method: "GET", path: "/service-insights", run: (call) => listServices(context, call) },
    { method: "GET", path: "/meshes/:mesh/service-insights", run: (call) => listServices(context, call) },
    { method: "GET", path: "/meshes/:mesh/service-insights/:name", run: (call) => getService(context, call) },
  ];
}

function found<Value>(value: Value | undefined | null): Value {
  if (value === undefined || value === null) throw notFound("Could not retrieve a resource");
  return value;
}

function listed<Shown extends { resource: Resource }>(call: Call, all: readonly Shown[], render: (shown: Shown) => object): Answer {
  const page = readPage(call.query);
  const filter = readFilter(call, "");
  return json(
    pageOf(
      call,
      page,
      all.filter(({ resource }) => filter(withoutLabels(resource))),
      render,
    ),
  );
}

const insightOf = (type: string, of: Resource, spec: object, form: Form): object =>
  form === "kubernetes" ? renderResource({ ...withoutLabels(of), type, spec }, form) : renderWithMeta(type, withoutLabels(of), spec);
const zoneItem = (zone: Resource, spec: unknown, form: Form = "universal"): object => insightOf("ZoneInsight", zone, spec as object, form);
const withoutLabels = (resource: Resource): Resource => ({ ...resource, labels: undefined });

function meshItem({ catalog }: ApiContext, mesh: Resource, form: Form = "universal"): object {
  return insightOf("MeshInsight", mesh, renderMeshInsight(meshInsight(catalog, mesh.name)), form);
}

/** `null` without zones, as clients have always got it. */
function zoneStatus({ catalog, options }: ApiContext): object[] | null {
  const zones = catalog.list("Zone").map(({ resource }) => ({
    name: resource.name,
    active: isOnline(options.zoneInsight?.(resource.name)) && (resource.spec as ZoneSpec).enabled !== false,
  }));
  return zones.length > 0 ? zones : null;
}

function serviceMesh({ catalog }: ApiContext, call: Call): Resource {
  const mesh = catalog.get("Mesh", "", call.params["mesh"]!);
  if (mesh === undefined) throw notFound("Failed to retrieve Mesh");
  return mesh.resource;
}

function serviceItem(mesh: Resource, name: string, fields: object): object {
  return renderWithMeta("ServiceInsight", { ...withoutLabels(mesh), mesh: mesh.name, name }, fields);
}

function getService(context: ApiContext, call: Call): Answer {
  const mesh = serviceMesh(context, call);
  const name = call.params["name"]!;
  const service = serviceInsights(context.catalog, mesh.name).find((insight) => insight.name === name);
  const unknown = { dataplanes: {}, addressPort: `${name}.mesh:80` };
  return json(serviceItem(mesh, name, service === undefined ? unknown : renderServiceInsight(service)));
}

function listServices(context: ApiContext, call: Call): Answer {
  const { catalog } = context;
  const meshes = call.params["mesh"] === undefined ? catalog.list("Mesh").map(({ resource }) => resource) : [serviceMesh(context, call)];
  const name = call.query.get("name") ?? "";
  const types = readTypes(call.query.get("type") ?? "");
  const services = meshes.flatMap((mesh) =>
    serviceInsights(catalog, mesh.name)
      .filter((service) => service.name.includes(name) && (types.size === 0 || types.has(service.type)))
      .map((service): [Resource, ServiceInsight] => [mesh, service]),
  );
  const page = readPage(call.query, "Could not paginate resources");
  return json(pageOf(call, page, services, ([mesh, service]) => serviceItem(mesh, service.name, renderServiceInsight(service))));
}

function readTypes(list: string): Set<ServiceType> {
  const types = new Set<ServiceType>();
  for (const part of list === "" ? [] : list.split(",")) {
    const type = serviceTypes.find((known) => known === part.trim().toLowerCase());
    if (type === undefined) throw badRequest("bad request: unsupported service type");
    types.add(type);
  }
  return types;
}
