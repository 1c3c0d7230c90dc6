import { createRequire } from "node:module";
import type * as registryModule from "@atoll/envoy-api/registry";

let loaded: typeof registryModule | undefined;

/**
 * All types of the Envoy API, loaded when first asked for. They take a second and more memory than the rest of a service, and are
 * only needed where Envoy's own JSON comes in from outside (a ProxyTemplate) or is asked for, so nothing may import them at the top.
 */
export function envoyRegistry(): typeof registryModule {
  loaded ??= createRequire(import.meta.url)("@atoll/envoy-api/registry") as typeof registryModule;
  return loaded;
}
