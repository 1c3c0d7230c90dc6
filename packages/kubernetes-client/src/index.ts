export { appliesDifference } from "./apply-difference.ts";
export { type ClusterAccess, inClusterAccess, kubeconfigAccess } from "./cluster-access.ts";
export { ClusterCache } from "./cluster-cache.ts";
export { Delay, systemTimers, type Timers } from "./delay.ts";
export { fieldManager } from "./field-manager.ts";
export { HttpKubernetesApi } from "./http-api.ts";
export { Informer, type ObjectListener } from "./informer.ts";
export { KeyQueue, type KeyQueueOptions } from "./key-queue.ts";
export {
  isConflict,
  isGone,
  isNotFound,
  type KubernetesApi,
  KubernetesError,
  type ListedObjects,
  type PatchOperation,
  type Selection,
  type WatchEvent,
} from "./kubernetes-api.ts";
export { LeaseElection } from "./lease-election.ts";
export { reviewServiceAccount } from "./review-service-account.ts";
