export { defaultObject } from "./default-object.ts";
export { type AdmissionPlace, collectors, judgeOperation } from "./judge-operation.ts";
export { judgeSecret } from "./judge-secret.ts";
export { ownObject, type OwnerLookup } from "./own-object.ts";
export type { AdmissionRequest, AdmissionStatus, AdmissionVerdict } from "./review.ts";
export { type AdmissionLookup, validateObject } from "./validate-object.ts";
