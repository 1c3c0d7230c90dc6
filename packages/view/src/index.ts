export type * from "./proxy-view.ts";
