export { isFinishedJob } from "./finished-jobs.ts";
export { meshServiceController } from "./mesh-service-controller.ts";
export { networkAttachmentController, networkAttachmentKind } from "./network-attachment-controller.ts";
export { podController } from "./pod-controller.ts";
export { serviceUpstreamController } from "./service-upstream-controller.ts";
export { defaultNodeLabels, type PodSettings } from "./settings.ts";
