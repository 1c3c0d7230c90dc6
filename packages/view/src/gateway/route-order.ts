import type { RouteMatchView } from "../proxy-view.ts";

const isMethod = ({ name }: { name: string }): boolean => name === ":method";

function pathRank(path: RouteMatchView["path"]): { kind: number; text: string } {
  if ("exact" in path) return { kind: 0, text: path.exact };
  if ("prefix" in path) return { kind: 1, text: path.prefix };
  return { kind: 2, text: path.regex };
}

/**
 * Envoy takes the first route that matches, so the most particular comes first: exact path, prefix, regex, each the longer
 * first; then with a method, with more headers, with more query parameters; then by the path's text. The order in documents
 * does not count.
 */
export function compareMatches(a: RouteMatchView, b: RouteMatchView): number {
  const [pathA, pathB] = [pathRank(a.path), pathRank(b.path)];
  const headers = (match: RouteMatchView): number => (match.headers ?? []).filter((header) => !isMethod(header)).length;
  const method = (match: RouteMatchView): number => ((match.headers ?? []).some(isMethod) ? 1 : 0);
  return (
    pathA.kind - pathB.kind ||
    pathB.text.length - pathA.text.length ||
    method(b) - method(a) ||
    headers(b) - headers(a) ||
    (b.query?.length ?? 0) - (a.query?.length ?? 0) ||
    (pathA.text < pathB.text ? -1 : pathA.text > pathB.text ? 1 : 0)
  );
}
