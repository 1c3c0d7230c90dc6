export { allocateAddresses } from "./allocate-addresses.ts";
export type { AllocationPlan, AllocationRequest, PresentRecord } from "./allocate-addresses.ts";
export { meshNames } from "./mesh-names.ts";
export type { MeshNames, NameConflict, NameInput, NameSettings, WantedName } from "./mesh-names.ts";
export { isAddressRange } from "./address-range.ts";
