import type { DataplaneSpec, ExternalServiceSpec, Resource, Violation } from "@atoll/resource";
import type { Call } from "./call.ts";
import { invalid } from "./problem.ts";

type Filter = (resource: Resource) => boolean;

const title = "Could not retrieve resources";
const gatewayModes = new Set(["", "true", "false", "builtin", "delegated"]);

/** The filters of a list's query: `name`, `filter[labels.<key>]` and, where the kind has them, `tag` and `gateway`. */
export function readFilter(call: Call, type: string): Filter {
  const labels = labelFilters(call);
  const name = call.query.get("name") ?? "";
  const filters: Filter[] = [
    (resource) => resource.name.includes(name),
    (resource) => labels.every(([key, value]) => resource.labels?.[key] === value),
  ];
  if (type === "Dataplane") filters.push(gatewayFilter(call), tagFilter(call, dataplaneTags));
  if (type === "ExternalService") {
    filters.push(tagFilter(call, (resource) => [(resource.spec as ExternalServiceSpec).tags ?? {}]));
  }
  return (resource) => filters.every((filter) => filter(resource));
}

function labelFilters(call: Call): [key: string, value: string][] {
  const violations: Violation[] = [];
  const filters: [string, string][] = [];
  for (const parameter of new Set(call.query.keys())) {
    if (!parameter.startsWith("filter[")) continue;
    const field = `${call.routePath}.${parameter}`;
    const match = /^filter\[labels\.([^\]]*)\](.*)$/.exec(parameter);
    if (match === null) violations.push({ field, reason: "filters are only supported on labels" });
    else if (match[2] !== "") violations.push({ field, reason: "advanced filters are not supported" });
    else filters.push([match[1]!, call.query.getAll(parameter).at(-1)!]);
  }
  if (violations.length > 0) throw invalid(title, violations);
  return filters;
}

function gatewayFilter(call: Call): Filter {
  const mode = (call.query.get("gateway") ?? "").toLowerCase();
  if (!gatewayModes.has(mode)) {
    const reason = `shoud use \`true\`, \`false\`, 'builtin' or 'delegated' instead of ${mode}`;
    throw invalid(title, [{ field: `${call.routePath}.gateway`, reason }]);
  }
  if (mode === "") return () => true;
  return ({ spec }) => {
    const gateway = (spec as DataplaneSpec).networking?.gateway;
    if (mode === "true" || mode === "false") return (gateway !== undefined) === (mode === "true");
    return gateway !== undefined && (gateway.type === "BUILTIN" ? "builtin" : "delegated") === mode;
  };
}

/** `tag=key:value`, repeated; some one tag set must have them all, values compared by containment. */
function tagFilter(call: Call, tagSets: (resource: Resource) => Record<string, string>[]): Filter {
  const wanted = call.query.getAll("tag").flatMap((tag) => {
    const colon = tag.indexOf(":");
    return colon < 0 ? [] : [[tag.slice(0, colon), tag.slice(colon + 1)] as const];
  });
  if (wanted.length === 0) return () => true;
  return (resource) => tagSets(resource).some((tags) => wanted.every(([key, value]) => tags[key]?.includes(value) === true));
}

function dataplaneTags({ spec }: Resource): Record<string, string>[] {
  const { gateway, inbound = [] } = (spec as DataplaneSpec).networking ?? {};
  return [...inbound.map(({ tags }) => tags ?? {}), ...(gateway === undefined ? [] : [gateway.tags ?? {}])];
}
