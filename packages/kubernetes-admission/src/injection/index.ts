export { injectPod, type InjectedPod, type InjectionLookup } from "./inject-pod.ts";
export { InjectionError } from "./injection-error.ts";
export { defaultInjectionSettings, type InjectionSettings } from "./settings.ts";
export { proxyContainer } from "./sidecar-container.ts";
