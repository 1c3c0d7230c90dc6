export { equalValue } from "./equal-value.ts";
export { Fact, FactGraph, Origin } from "./fact-graph.ts";
export { Family, SharedFacts } from "./family.ts";
export { Index } from "./index-of-table.ts";
export type { IndexEntry } from "./index-of-table.ts";
export { Table } from "./table.ts";
export type { TableContent } from "./table.ts";
export { Watcher } from "./watcher.ts";
