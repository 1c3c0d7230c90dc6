import { shortKey } from "@atoll/rest-answers";
import { useState } from "preact/hooks";
import { useData } from "../data.ts";
import { revision as newest } from "../live.ts";
import { Graph, type GraphEdge, type GraphNode } from "../parts/graph.tsx";
import { Lines } from "../parts/lines.tsx";
import { Badge, Section, Shown, Table } from "../parts/shown.tsx";
import { linkTo } from "../route.ts";

interface Origin {
  type: string;
  mesh?: string;
  name: string;
  revision?: number;
}

interface Reasons {
  from: Origin[];
  /** All policies of a kind that there are, those that act with the verdict `chosen`, `acts` or `merged`. */
  policies?: { type: string; candidates: { name: string; revision: number; verdict: string }[] }[];
}

interface Explanation {
  kind: string;
  zone: string;
  revision: number;
  acknowledged: number;
  listeners: ({ name: string; address: string; port: number } & Reasons)[];
  routes: {
    name: string;
    virtualHosts: {
      name: string;
      domains: string[];
      routes: ({ match: object; action: string; clusters: { name: string; weight: number }[] } & Reasons)[];
    }[];
  }[];
  clusters: ({ name: string; endpoints: string[] } & Reasons)[];
  problems: { resource: string; reason: string }[];
}

const mostEndpoints = 6;

/** One proxy: how far its Envoy is, its way from listeners to endpoints and what each part comes from. */
export function ProxyPage({ kind, mesh, name }: { kind: string; mesh: string; name: string }) {
  const path =
    kind === "dataplanes"
      ? `/meshes/${encodeURIComponent(mesh)}/dataplanes/${encodeURIComponent(name)}`
      : `/${kind}/${encodeURIComponent(name)}`;
  const explanation = useData<Explanation>(`${path}/_explain`, "changes");
  const [dump, setDump] = useState(false);
  const config = useData<object>(dump ? `${path}/xds?include_eds=true` : undefined, "never");
  return (
    <>
      <h1>{name}</h1>
      <Shown data={explanation}>
        {(told) => (
          <>
            <dl class="facts">
              <dt>What</dt>
              <dd>
                {told.kind} of zone {told.zone}
              </dd>
              <dt>Revision</dt>
              <dd>
                <Badge good={told.acknowledged >= told.revision}>
                  Envoy acknowledged {told.acknowledged}, the newest is {told.revision}
                </Badge>
              </dd>
            </dl>
            {told.problems.map(({ resource, reason }) => (
              <p key={resource + reason} class="problem">
                {shortKey(resource)}: {reason}
              </p>
            ))}
            <Section title="From listener to endpoint">
              <Graph label={`How requests go through ${name}`} {...drawn(told)} />
            </Section>
            <Section title="What each part comes from">
              <Table
                name="What each part comes from"
                columns={["Part", "Name", "Made from"]}
                empty="It has no parts."
                rows={[
                  ...told.listeners.map((one) => ["listener", `${one.name} ${one.address}:${one.port}`, <From reasons={one} />]),
                  ...told.routes.flatMap(({ virtualHosts }) =>
                    virtualHosts.flatMap((host) =>
                      host.routes.map((one) => [
                        "route",
                        `${host.domains.join(", ")} ${JSON.stringify(one.match)}`,
                        <From reasons={one} />,
                      ]),
                    ),
                  ),
                  ...told.clusters.map((one) => ["cluster", one.name, <From reasons={one} />]),
                ]}
              />
            </Section>
          </>
        )}
      </Shown>
      <Section title="Envoy's configuration">
        {dump ? (
          <Shown data={config}>{(value) => <Lines before={value} after={value} />}</Shown>
        ) : (
          <button type="button" onClick={() => setDump(true)}>
            Ask Envoy what it holds
          </button>
        )}
      </Section>
      <p class="quiet">Newest revision: {newest.value}</p>
    </>
  );
}

const acting = new Set(["chosen", "acts", "merged"]);

function From({ reasons: { from, policies = [] } }: { reasons: Reasons }) {
  const all: Origin[] = [
    ...from,
    ...policies.flatMap(({ type, candidates }) =>
      candidates.filter(({ verdict }) => acting.has(verdict)).map(({ name, revision }) => ({ type, name, revision })),
    ),
  ];
  return (
    <ul class="bare">
      {all.map(({ type, mesh, name, revision }) => (
        <li key={`${type} ${mesh} ${name}`}>
          {type} {name}
          {revision !== undefined && type !== "Dataplane" && !type.startsWith("Zone") && (
            <>
              {" "}
              <a href={linkTo("changes", revision)}>@{revision}</a>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Routes lead to clusters, clusters to endpoints; a listener stands beside the routes that bear its name. */
function drawn({ listeners, routes, clusters }: Explanation): { nodes: GraphNode[]; edges: GraphEdge[] } {
  const nodes: GraphNode[] = listeners.map(({ name, address, port }) => ({
    id: `listener ${name}`,
    title: name,
    lines: [`${address}:${port}`],
    sort: "listener",
  }));
  const edges: GraphEdge[] = [];
  for (const { name, virtualHosts } of routes) {
    const id = `routes ${name}`;
    nodes.push({ id, title: name, lines: virtualHosts.flatMap(({ domains }) => domains).slice(0, 4), sort: "route" });
    const listener = listeners.find((one) => one.name === name || name.startsWith(`${one.name}:`) || name === `${one.name}:*`);
    if (listener) edges.push({ from: `listener ${listener.name}`, to: id });
    const weights = new Map<string, number>();
    for (const route of virtualHosts.flatMap((host) => host.routes))
      for (const { name: to, weight } of route.clusters) weights.set(to, (weights.get(to) ?? 0) + weight);
    for (const [to] of weights) edges.push({ from: id, to: `cluster ${to}` });
  }
  for (const { name, endpoints } of clusters) {
    nodes.push({ id: `cluster ${name}`, title: name, lines: [], sort: "cluster" });
    if (endpoints.length === 0) continue;
    const id = `endpoints ${name}`;
    const more = endpoints.length > mostEndpoints ? [`and ${endpoints.length - mostEndpoints} more`] : [];
    nodes.push({ id, title: `${endpoints.length} endpoints`, lines: [...endpoints.slice(0, mostEndpoints), ...more], sort: "endpoint" });
    edges.push({ from: `cluster ${name}`, to: id });
  }
  const known = new Set(nodes.map(({ id }) => id));
  return { nodes, edges: edges.filter(({ from, to }) => known.has(from) && known.has(to)) };
}
