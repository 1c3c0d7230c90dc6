export type * from "./controller.ts";
export { controllerReference, ownedByReference } from "./owner.ts";
