export type * from "./kubernetes-object.ts";
