export { createTranslator, translate } from "./translate.ts";
export type { EnvoyResources, Translate } from "./translate.ts";
export { translateSecret } from "./secret.ts";
export type { SecretMaterial } from "./secret.ts";
export { applyProxyTemplate } from "./proxy-template.ts";
export { statName } from "./stat-name.ts";
export { buildBootstrap } from "./bootstrap.ts";
export type { BootstrapParams, NodeParams } from "./bootstrap.ts";
export type { TokenParams, XdsServerParams } from "./bootstrap-transport.ts";
