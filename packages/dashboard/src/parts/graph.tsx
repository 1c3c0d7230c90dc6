import dagre from "@dagrejs/dagre";
import { useMemo } from "preact/hooks";

export interface GraphNode {
  id: string;
  title: string;
  lines: readonly string[];
  /** Decides the colour. */
  sort: string;
  link?: string;
}

export interface GraphEdge {
  from: string;
  to: string;
  label?: string;
  bad?: boolean;
}

const lineHeight = 15;
const charWidth = 6.6;
const boldWidth = 7.6;
const mostChars = 44;

const cut = (text: string): string => (text.length > mostChars ? `${text.slice(0, mostChars - 1)}…` : text);

/** Boxes and arrows from left to right. What it shows is told as a list, too, for who does not see it. */
export function Graph({ label, nodes, edges }: { label: string; nodes: readonly GraphNode[]; edges: readonly GraphEdge[] }) {
  const layout = useMemo(() => layOut(nodes, edges), [JSON.stringify(nodes), JSON.stringify(edges)]);
  if (nodes.length === 0) return <p class="quiet">Nothing to draw.</p>;
  const title = new Map(nodes.map((node) => [node.id, node.title]));
  return (
    <figure class="graph">
      <div class="scroll" tabIndex={0} role="region" aria-label={label}>
        <svg width={layout.width} height={layout.height} viewBox={`0 0 ${layout.width} ${layout.height}`} aria-hidden="true">
          <defs>
            <marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">
              <path d="M0 0 L8 4 L0 8 z" fill="currentColor" />
            </marker>
          </defs>
          {layout.edges.map(({ from, to, points, label: text, bad, x, y }) => (
            <g key={`${from} ${to}`} class={bad ? "edge bad" : "edge"}>
              <polyline points={points} fill="none" stroke="currentColor" marker-end="url(#arrow)" />
              {text && (
                <text x={x} y={y - 4} text-anchor="middle">
                  {text}
                </text>
              )}
            </g>
          ))}
          {layout.nodes.map(({ node, x, y, width, height }) => (
            <g key={node.id} class={`node ${node.sort}`} transform={`translate(${x - width / 2} ${y - height / 2})`}>
              <title>{[node.title, ...node.lines].join("\n")}</title>
              <rect width={width} height={height} rx="5" />
              <text x="8" y="17" class="title">
                {cut(node.title)}
              </text>
              {node.lines.map((line, index) => (
                <text key={index} x="8" y={17 + (index + 1) * lineHeight}>
                  {cut(line)}
                </text>
              ))}
            </g>
          ))}
        </svg>
      </div>
      <figcaption class="sr">
        <ul>
          {edges.map(({ from, to, label: text }) => (
            <li key={`${from} ${to}`}>
              {title.get(from)} to {title.get(to)} {text}
            </li>
          ))}
        </ul>
      </figcaption>
    </figure>
  );
}

function layOut(nodes: readonly GraphNode[], edges: readonly GraphEdge[]) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 60, marginx: 8, marginy: 8 });
  for (const node of nodes) {
    const widths = [cut(node.title).length * boldWidth, ...node.lines.map((line) => cut(line).length * charWidth)];
    graph.setNode(node.id, { node, width: Math.max(...widths) + 18, height: 26 + node.lines.length * lineHeight } as never);
  }
  for (const edge of edges) graph.setEdge(edge.from, edge.to, {});
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    nodes: graph.nodes().map((id) => graph.node(id) as unknown as { node: GraphNode; x: number; y: number; width: number; height: number }),
    edges: edges.map((edge) => {
      const { points } = graph.edge(edge.from, edge.to) as unknown as { points: { x: number; y: number }[] };
      const middle = points[Math.floor(points.length / 2)]!;
      return { ...edge, points: points.map(({ x, y }) => `${x},${y}`).join(" "), x: middle.x, y: middle.y };
    }),
  };
}
