import type { Kind } from "../kind.ts";
import { definePluginPolicy } from "./define-kind.ts";

/** Policies with a target reference. */
export const pluginPolicyKinds: readonly Kind[] = [
  definePluginPolicy("MeshAccessLog", "meshaccesslogs"),
  definePluginPolicy("MeshCircuitBreaker", "meshcircuitbreakers"),
  definePluginPolicy("MeshHTTPRoute", "meshhttproutes"),
  definePluginPolicy("MeshRetry", "meshretries"),
  definePluginPolicy("MeshTimeout", "meshtimeouts"),
  definePluginPolicy("MeshTrafficPermission", "meshtrafficpermissions"),
];
