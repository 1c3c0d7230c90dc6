import type { Route } from "./call.ts";

interface Entry {
  method: string;
  segments: readonly string[];
}

const split = (path: string) => path.split("/").filter((segment) => segment !== "");

/** Tells a path nobody serves from one that is served for other methods. */
export class RouteTable {
  readonly #entries: readonly Entry[];

  constructor(routes: readonly Route[], basePath: string) {
    this.#entries = routes.map(({ method, path }) => ({ method, segments: split(`${basePath}${path}`) }));
  }

  /** Methods that some route serves at this path. */
  methodsOf(path: string): string[] {
    const segments = split(path);
    const matching = this.#entries.filter(
      (entry) =>
        entry.segments.length === segments.length &&
        entry.segments.every((segment, i) => segment.startsWith(":") || segment === segments[i]),
    );
    return [...new Set(matching.map(({ method }) => method))];
  }
}
