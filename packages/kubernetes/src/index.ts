export * from "./annotations.ts";
export type * from "./kubernetes-object.ts";
export * from "./cluster-kinds.ts";
export {
  group,
  isSecretType,
  type PrinterColumn,
  requireResourceKind,
  type ResourceKind,
  resourceKindOf,
  resourceKinds,
  resourceOfObject,
  secretTypes,
} from "./resource-kinds.ts";
export { keyText, objectKey, resourceName } from "./object-name.ts";
export { documentOf, type ObjectDocument, readObject } from "./read-object.ts";
export { objectOf } from "./write-object.ts";
export { customResourceDefinitions } from "./definitions/custom-resource-definitions.ts";
export * from "./workload-objects.ts";
export { type CarriedResource, carriedResource } from "./carry/carried-resource.ts";
export { environment, type Home, homeOf, isCarried, isCopy, type Place } from "./carry/place.ts";
