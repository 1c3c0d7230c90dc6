import { useState } from "preact/hooks";
import { useData } from "../data.ts";
import { Graph, type GraphEdge, type GraphNode } from "../parts/graph.tsx";
import { MeshChoice, useMesh } from "../parts/mesh-choice.tsx";
import { Shown } from "../parts/shown.tsx";
import { request } from "../rest.ts";

type Tags = Record<string, string>;

interface Services {
  items: { name: string; serviceType?: string; status?: string; dataplanes?: { online?: number; total?: number }; zones?: string[] }[];
}

interface Dataplanes {
  items: {
    name: string;
    networking: { gateway?: { tags: Tags; type?: string }; inbound?: { tags: Tags }[]; outbound?: { tags?: Tags }[] };
  }[];
}

interface Routes {
  items: {
    selectors?: { match: Tags }[];
    conf?: { http?: { rules?: { backends?: { destination: Tags }[] }[] }; tcp?: { rules?: { backends?: { destination: Tags }[] }[] } };
  }[];
}

const service = "kuma.io/service";

/** Who is configured to call whom. Traffic is counted when it is asked for. */
export function TopologyPage() {
  const mesh = useMesh();
  const at = mesh === undefined ? undefined : `/meshes/${encodeURIComponent(mesh)}`;
  const services = useData<Services>(at && `${at}/service-insights?size=1000`, "observed");
  const dataplanes = useData<Dataplanes>(at && `${at}/dataplanes?size=1000`, "observed");
  const routes = useData<Routes>(at && `${at}/meshgatewayroutes?size=1000`);
  const ingresses = useData<{ items: { name: string; zone?: string }[] }>("/zone-ingresses?size=1000", "observed");
  const egresses = useData<{ items: { name: string; zone?: string }[] }>("/zoneegresses?size=1000", "observed");
  const [rates, setRates] = useState<ReadonlyMap<string, Rate> | undefined>(undefined);
  const [measuring, setMeasuring] = useState(false);
  const calls = callsOf(dataplanes.value, routes.value);
  const measure = async () => {
    setMeasuring(true);
    setRates(await measured(at!, dataplanes.value!));
    setMeasuring(false);
  };
  return (
    <>
      <h1>Topology</h1>
      <p class="actions">
        <MeshChoice all={false} />
        <button type="button" disabled={measuring || dataplanes.value === undefined} onClick={() => void measure()}>
          {measuring ? "Counting for 2 s…" : "Count requests"}
        </button>
        <span class="quiet">
          zone ingresses: {ingresses.value?.items.length ?? "…"}, zone egresses: {egresses.value?.items.length ?? "…"}
        </span>
      </p>
      <Shown data={services}>
        {({ items }) => {
          const known = new Set(items.map(({ name }) => name));
          const nodes: GraphNode[] = items.map(({ name, serviceType = "internal", status = "", dataplanes: count, zones = [] }) => ({
            id: name,
            title: name,
            lines: [
              [serviceType.replace("_", " "), status.replace("_", " ")].filter(Boolean).join(", "),
              count?.total ? `${count.online ?? 0} of ${count.total} up` : "",
              zones.join(", "),
            ].filter(Boolean),
            sort: serviceType.startsWith("gateway") ? "listener" : serviceType === "external" ? "endpoint" : "cluster",
          }));
          const edges: GraphEdge[] = calls
            .filter(([from, to]) => known.has(from) && known.has(to) && from !== to)
            .map(([from, to]) => {
              const rate = rates?.get(`${from} ${to}`);
              return {
                from,
                to,
                ...(rate && {
                  label: `${rate.perSecond.toFixed(1)}/s${rate.errors > 0 ? `, ${rate.errors.toFixed(1)}/s failed` : ""}`,
                  bad: rate.errors > 0,
                }),
              };
            });
          return <Graph label={`Services of mesh ${mesh}`} nodes={nodes} edges={edges} />;
        }}
      </Shown>
    </>
  );
}

/** Pairs of caller and called, each once. */
function callsOf(dataplanes: Dataplanes | undefined, routes: Routes | undefined): [string, string][] {
  const calls = new Map<string, [string, string]>();
  const add = (from: string | undefined, to: string | undefined) => {
    if (from && to) calls.set(`${from} ${to}`, [from, to]);
  };
  for (const { networking } of dataplanes?.items ?? []) {
    for (const from of callersOf(networking)) for (const { tags } of networking.outbound ?? []) add(from, tags?.[service]);
  }
  for (const { selectors = [], conf } of routes?.items ?? []) {
    const backends = [...(conf?.http?.rules ?? []), ...(conf?.tcp?.rules ?? [])].flatMap((rule) => rule.backends ?? []);
    for (const { match } of selectors) for (const { destination } of backends) add(match[service], destination[service]);
  }
  return [...calls.values()];
}

const callersOf = ({ gateway, inbound = [] }: Dataplanes["items"][number]["networking"]): string[] => [
  ...new Set([...(gateway ? [gateway.tags] : []), ...inbound.map(({ tags }) => tags)].map((tags) => tags[service] ?? "")),
];

interface Rate {
  perSecond: number;
  errors: number;
}

const windowMs = 2000;

/** Envoy's own counters of the callers, read twice. */
async function measured(at: string, { items }: Dataplanes): Promise<Map<string, Rate>> {
  const read = () => Promise.all(items.map((one) => countersOf(`${at}/dataplanes/${encodeURIComponent(one.name)}`)));
  const before = await read();
  await new Promise((resolve) => setTimeout(resolve, windowMs));
  const after = await read();
  const rates = new Map<string, Rate>();
  for (const [index, { networking }] of items.entries()) {
    for (const [cluster, now] of after[index]!) {
      const was = before[index]!.get(cluster) ?? now;
      // Subsets and hashes are written behind a service's name.
      const to = cluster.replace(/-[0-9a-f]{16}$/, "");
      for (const from of callersOf(networking)) {
        const rate = rates.get(`${from} ${to}`) ?? { perSecond: 0, errors: 0 };
        rate.perSecond += ((now.total - was.total) * 1000) / windowMs;
        rate.errors += ((now.failed - was.failed) * 1000) / windowMs;
        rates.set(`${from} ${to}`, rate);
      }
    }
  }
  return rates;
}

async function countersOf(path: string): Promise<Map<string, { total: number; failed: number }>> {
  const counters = new Map<string, { total: number; failed: number }>();
  const answer = await request(`${path}/stats`).catch(() => undefined);
  if (!answer?.ok) return counters;
  for (const line of (await answer.text()).split("\n")) {
    const [, cluster, counter, value] = /^cluster\.(.+)\.upstream_rq_(total|5xx): (\d+)$/.exec(line) ?? [];
    if (cluster === undefined) continue;
    const of = counters.get(cluster) ?? { total: 0, failed: 0 };
    of[counter === "total" ? "total" : "failed"] = Number(value);
    counters.set(cluster, of);
  }
  return counters;
}
