export { kubernetesSettings, type KubernetesSettings } from "./settings.ts";
export { startKubernetes } from "./kubernetes-service.ts";
