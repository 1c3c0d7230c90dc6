import type { ResourceReader } from "@atoll/replica";
import { kinds } from "@atoll/resource";
import type { ApiContext } from "./api-context.ts";
import { type Call, type Route, json } from "./call.ts";
import type { WithheldFault } from "./ports.ts";
import { ApiError } from "./problem.ts";

/** What the xDS servers of a zone say in its log. */
export function withheldOf(zone: ResourceReader): WithheldFault[] {
  const merged = new Map<string, WithheldFault>();
  for (const { spec } of zone.list<{ withheld?: WithheldFault[] }>("ProxyStatus")) {
    for (const fault of spec.withheld ?? []) {
      const key = JSON.stringify([fault.resources, fault.kind, fault.reason]);
      const known = merged.get(key);
      const both = known && {
        ...known,
        proxies: known.proxies + fault.proxies,
        examples: [...known.examples, ...fault.examples].slice(0, 3),
      };
      merged.set(key, both ?? fault);
    }
  }
  return [...merged.values()];
}

/** Atoll's own: which resources have parts that Envoys would not take, which therefore go without them, and why. */
export function quarantineRoutes(context: ApiContext): Route[] {
  return [
    { method: "GET", path: "/quarantine", run: async () => json(listOf(faultsOf(context))) },
    ...kinds
      .filter(
        ({ type, path, internal, adminOnly, scope }) => path !== "" && !internal && !adminOnly && (scope === "mesh" || type === "Mesh"),
      )
      .map(({ type, scope, path }): Route => ({
        method: "GET",
        path: scope === "mesh" ? `/meshes/:mesh/${path}/:name/_quarantine` : `/${path}/:name/_quarantine`,
        run: async (call) => json(listOf(faultsOf(context).filter(({ resources }) => resources.includes(keyOf(type, call))))),
      })),
  ];
}

const keyOf = (type: string, { params }: Call): string => `${type}/${params["mesh"] ?? ""}/${params["name"]!}`;

const listOf = (items: readonly object[]): object => ({ total: items.length, items });

function faultsOf({ options }: ApiContext): (WithheldFault & { zone: string })[] {
  const { proxies } = options;
  if (proxies?.withheld === undefined)
    throw new ApiError({ status: 503, title: "Service unavailable", detail: "this process sees no proxies" });
  return Object.entries(proxies.withheld())
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([zone, faults]) => faults.map((fault) => ({ zone, ...fault })));
}
