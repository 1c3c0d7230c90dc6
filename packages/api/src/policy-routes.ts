import { type DataplaneSpec, type Kind, type MeshSpec, type Resource, isBuiltinGateway, kinds, sortedLabels } from "@atoll/resource";
import type { ApiContext } from "./api-context.ts";
import type { Shown } from "./catalog.ts";
import { type Answer, type Call, type Route, json } from "./call.ts";
import { type GatewayPolicies, gatewayPolicies } from "./gateway-policies.ts";
import { notFound } from "./problem.ts";
import { renderWithMeta } from "./render.ts";
import { contextOfDataplane } from "./rollouts/proxy-context.ts";
import { ruleAttachments } from "./rule-attachments.ts";
import { type Attachment, type PolicyLists, sidecarAttachments } from "./sidecar-policies.ts";
import { TargetRules } from "./target-rules.ts";

type Dataplane = Resource<DataplaneSpec>;

/** Kinds of policies that are chosen for more than dataplanes of their own: these have no such list. */
const notInspected = new Set(["VirtualOutbound", "MeshGatewayRoute"]);

/** Which policies act where, as clients before targetRefs ask it (controlplane.md 1.7). */
export function policyRoutes(context: ApiContext): Route[] {
  const policies = kinds.filter((kind) => kind.policy && kind.scope === "mesh" && !notInspected.has(kind.type));
  return [
    { method: "GET", path: "/meshes/:mesh/dataplanes/:name/policies", run: (call) => policiesOfDataplane(context, call) },
    { method: "GET", path: "/meshes/:mesh/dataplanes/:name/rules", run: (call) => rulesOfDataplane(context, call) },
    ...policies.map((kind): Route => ({
      method: "GET",
      path: `/meshes/:mesh/${kind.path}/:name/dataplanes`,
      run: (call) => dataplanesOfPolicy(kind, context, call),
    })),
    { method: "GET", path: "/meshes/:mesh/meshgateways/:name/dataplanes", run: (call) => dataplanesOfGateway(context, call) },
    { method: "GET", path: "/meshes/:mesh/meshgatewayroutes/:name/dataplanes", run: (call) => dataplanesOfRoute(context, call) },
  ];
}

/** Policies as this control plane shows them. Lists are made once per request. */
export function policyLists({ catalog }: ApiContext, mesh: string): PolicyLists {
  const lists = new Map<string, readonly Resource[]>();
  return <Spec>(type: string) => {
    let list = lists.get(type);
    if (list === undefined) lists.set(type, (list = catalog.list(type, mesh).map(({ resource }) => resource)));
    return list as readonly Resource<Spec>[];
  };
}

function requireMesh({ catalog }: ApiContext, call: Call, title: string): string {
  const mesh = call.params["mesh"]!;
  if (!catalog.has("Mesh", "", mesh)) throw notFound(title);
  return mesh;
}

const shownDataplanes = ({ catalog }: ApiContext, mesh: string): Shown<DataplaneSpec>[] =>
  catalog.list("Dataplane", mesh) as Shown<DataplaneSpec>[];

const dataplanesOf = (context: ApiContext, mesh: string): Dataplane[] => shownDataplanes(context, mesh).map(({ resource }) => resource);

/** The parts of a sidecar; a transparently proxied one reaches others by the names of its zone. */
const attachmentsOf = ({ catalog }: ApiContext, { resource, zone }: Shown<DataplaneSpec>, lists: PolicyLists) =>
  sidecarAttachments(resource, catalog.virtualIps(resource.mesh, zone), lists);

const keyOf = ({ mesh, name }: Pick<Resource, "mesh" | "name">) => ({ mesh, name });
const metaOf = (resource: Resource): object => renderWithMeta(resource.type, resource, {});
const metaByType = (policies: ReadonlyMap<string, Resource>): object =>
  Object.fromEntries([...policies].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([type, policy]) => [type, metaOf(policy)]));

/** The dataplane that is asked for, and what it is answered from. */
function askedDataplane(asked: ApiContext, call: Call): { context: ApiContext; shown: Shown<DataplaneSpec>; lists: PolicyLists } {
  const mesh = requireMesh(asked, call, "Could not build MeshContext");
  const shown = asked.catalog.get("Dataplane", mesh, call.params["name"]!);
  if (shown === undefined) throw notFound("Could not get MatchedPolicies");
  const context = contextOfDataplane(asked, shown);
  return { context, shown: shown as Shown<DataplaneSpec>, lists: policyLists(context, mesh) };
}

function policiesOfDataplane(asked: ApiContext, call: Call): Answer {
  const { context, shown, lists } = askedDataplane(asked, call);
  const dataplane = shown.resource;
  if (isBuiltinGateway(dataplane.spec)) return json(renderGateway(gatewayPolicies(dataplane, lists)));
  const attachments = attachmentsOf(context, shown, lists);
  const targeted = targetRulesOf(context, dataplane.mesh, lists).matched(dataplane);
  const items = withTargeted(
    attachments,
    targeted.flatMap(({ policies }) => policies),
  ).map(({ type, name, service, policies }) => {
    const byType = Map.groupBy(policies, (policy) => policy.type);
    const matchedPolicies = [...byType]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([policyType, list]) => [policyType, list.map(metaOf)]);
    return { ...attachmentKey({ type, name, service }), matchedPolicies: Object.fromEntries(matchedPolicies) };
  });
  return json({ kind: "SidecarDataplane", total: items.length, items });
}

function rulesOfDataplane(asked: ApiContext, call: Call): Answer {
  const { context, shown, lists } = askedDataplane(asked, call);
  const { resource, zone } = shown;
  const byType = targetRulesOf(context, resource.mesh, lists).ofParts(resource);
  const items = ruleAttachments(resource, context.catalog.virtualIps(resource.mesh, zone), byType);
  return json({ total: items.length, items });
}

/** Policies with a targetRef are shown for the dataplane as a whole, which comes first. */
function withTargeted(attachments: readonly Attachment[], targeted: readonly Resource[]): readonly Attachment[] {
  if (targeted.length === 0) return attachments;
  const own = attachments.find(({ type }) => type === "dataplane");
  const whole: Attachment = { type: "dataplane", name: "", service: "", policies: [...(own?.policies ?? []), ...targeted] };
  return [whole, ...attachments.filter((one) => one !== own)];
}

const attachmentKey = ({ type, name, service }: { type: string; name: string; service: string }): object => ({
  type,
  ...(name !== "" && { name }),
  ...(service !== "" && { service }),
});

function renderGateway({ gateway, listeners, whole }: GatewayPolicies): object {
  return {
    kind: "MeshGatewayDataplane",
    gateway: gatewayKey(gateway),
    listeners: listeners.map(({ port, protocol, hosts }) => ({
      port,
      protocol,
      hosts: hosts
        .toSorted((a, b) => compare(a.hostname, b.hostname))
        .map(({ hostname, routes }) => ({
          hostName: hostname,
          routes: [...Map.groupBy(routes, ({ route }) => route)]
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([route, entries]) => ({ route, destinations: entries.flatMap(({ destinations }) => destinations) }))
            .filter(({ destinations }) => destinations.length > 0)
            .map(({ route, destinations }) => ({
              route,
              destinations: destinations
                .map(({ tags, policies }) => ({ tags: sortedLabels(tags), policies: metaByType(policies) }))
                .toSorted((a, b) => compare(JSON.stringify(a.tags), JSON.stringify(b.tags))),
            })),
        })),
    })),
    ...(whole.size > 0 && { policies: metaByType(whole) }),
  };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const gatewayKey = (gateway: Resource | undefined) => (gateway === undefined ? { mesh: "", name: "" } : keyOf(gateway));

function dataplanesOfPolicy(kind: Kind, context: ApiContext, call: Call): Answer {
  const mesh = requireMesh(context, call, "Could not list Dataplanes");
  const lists = policyLists(context, mesh);
  if (kind.plugin) return dataplanesOfTargeted(kind, context, call, mesh, lists);
  const isWanted = (policy: Resource) => policy.type === kind.type && policy.name === call.params["name"];
  const items = shownDataplanes(context, mesh).flatMap((shown) =>
    isBuiltinGateway(shown.resource.spec)
      ? gatewayItems(shown.resource, lists, kind, isWanted)
      : sidecarItems(shown.resource, attachmentsOf(context, shown, lists), isWanted),
  );
  return json({ total: items.length, items });
}

function dataplanesOfTargeted(kind: Kind, context: ApiContext, call: Call, mesh: string, lists: PolicyLists): Answer {
  const policy = lists(kind.type).find(({ name }) => name === call.params["name"]);
  const rules = targetRulesOf(context, mesh, lists);
  const selects = (dataplane: Dataplane): boolean => policy !== undefined && rules.selects(policy, dataplane);
  // As in Kuma: of builtin gateways this view tells what TrafficRoutes and their like say, and `_resources/dataplanes` the rest.
  const selected = dataplanesOf(context, mesh).filter((one) => !isBuiltinGateway(one.spec) && selects(one));
  const items = selected.map((dataplane) => ({
    kind: "SidecarDataplane",
    dataplane: keyOf(dataplane),
    attachments: [{ type: "dataplane" }],
  }));
  return json({ total: items.length, items });
}

/** Policies with a targetRef of one mesh, as this control plane shows them. */
export function targetRulesOf({ catalog }: ApiContext, mesh: string, lists: PolicyLists): TargetRules {
  const shown = catalog.get("Mesh", "", mesh);
  if (shown === undefined) throw notFound("Could not retrieve Mesh");
  return new TargetRules(shown.resource as Resource<MeshSpec>, lists);
}

function sidecarItems(dataplane: Dataplane, all: readonly Attachment[], isWanted: (policy: Resource) => boolean): object[] {
  const attachments = all.filter(({ policies }) => policies.some(isWanted));
  if (attachments.length === 0) return [];
  return [{ kind: "SidecarDataplane", dataplane: keyOf(dataplane), attachments: attachments.map(attachmentKey) }];
}

function gatewayItems(dataplane: Dataplane, lists: PolicyLists, kind: Kind, isWanted: (policy: Resource) => boolean): object[] {
  const { gateway, listeners, whole } = gatewayPolicies(dataplane, lists);
  const entry = { kind: "MeshGatewayDataplane", dataplane: keyOf(dataplane), gateway: gatewayKey(gateway) };
  const concerned = listeners
    .map(({ port, protocol, hosts }) => ({
      port,
      protocol,
      hosts: hosts
        .map(({ hostname, routes }) => ({
          hostName: hostname,
          routes: routes
            .map(({ route, destinations }) => ({
              route,
              destinations: destinations.filter(({ policies }) => [...policies.values()].some(isWanted)).map(({ tags }) => tags),
            }))
            .filter(({ destinations }) => destinations.length > 0),
        }))
        .filter(({ routes }) => routes.length > 0),
    }))
    .filter(({ hosts }) => hosts.length > 0);
  const wholeGateway = whole.get(kind.type);
  return [
    ...(concerned.length > 0 ? [{ ...entry, listeners: concerned }] : []),
    ...(wholeGateway !== undefined && isWanted(wholeGateway) ? [entry] : []),
  ];
}

function dataplanesOfGateway(context: ApiContext, call: Call): Answer {
  const mesh = requireMesh(context, call, "Could not build mesh context");
  const found = context.catalog.get("MeshGateway", mesh, call.params["name"]!);
  if (found === undefined) throw notFound("Could not find MeshGateway");
  // Asked of this gateway alone: another one may be the one that is chosen.
  const only: PolicyLists = (type) => (type === "MeshGateway" ? [found.resource as Resource<never>] : []);
  const items = dataplanesOf(context, mesh)
    .filter((dataplane) => isBuiltinGateway(dataplane.spec) && gatewayPolicies(dataplane, only).gateway !== undefined)
    .map((dataplane) => ({ dataplane: keyOf(dataplane) }));
  return json({ total: items.length, items });
}

function dataplanesOfRoute(context: ApiContext, call: Call): Answer {
  const mesh = requireMesh(context, call, "Could not build mesh context");
  const name = call.params["name"]!;
  if (!context.catalog.has("MeshGatewayRoute", mesh, name)) throw notFound("Could not find MeshGatewayRoute");
  const lists = policyLists(context, mesh);
  const items = dataplanesOf(context, mesh)
    .filter(
      (dataplane) =>
        isBuiltinGateway(dataplane.spec) &&
        gatewayPolicies(dataplane, lists).listeners.some(({ hosts }) =>
          hosts.some(({ routes }) => routes.some(({ route }) => route === name)),
        ),
    )
    .map((dataplane) => ({ dataplane: keyOf(dataplane) }));
  return json({ total: items.length, items });
}
