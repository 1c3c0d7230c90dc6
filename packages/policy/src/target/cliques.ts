/**
 * All maximal cliques of an undirected graph on the nodes 0 to `size` - 1, each ascending: sets of nodes that are all linked and to
 * which no node can be added. Bron and Kerbosch's algorithm with a pivot.
 */
export function maximalCliques(size: number, linked: (a: number, b: number) => boolean): number[][] {
  const neighbours = Array.from({ length: size }, (_, node) => {
    const found = new Set<number>();
    for (let other = 0; other < size; other++) if (other !== node && linked(node, other)) found.add(other);
    return found;
  });
  const found: number[][] = [];
  const extend = (clique: number[], candidates: Set<number>, excluded: Set<number>): void => {
    if (candidates.size === 0 && excluded.size === 0) {
      found.push(clique.toSorted((a, b) => a - b));
      return;
    }
    const [pivot] = [...candidates, ...excluded].toSorted((a, b) => neighbours[b]!.size - neighbours[a]!.size);
    for (const node of [...candidates].filter((one) => !neighbours[pivot!]!.has(one))) {
      extend([...clique, node], candidates.intersection(neighbours[node]!), excluded.intersection(neighbours[node]!));
      candidates.delete(node);
      excluded.add(node);
    }
  };
  if (size > 0) extend([], new Set(neighbours.keys()), new Set());
  return found;
}
