export * from "./annotations.ts";
export type * from "./kubernetes-object.ts";
export * from "./cluster-kinds.ts";
