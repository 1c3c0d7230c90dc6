import { loadSettings, settingsNotices } from "@atoll/runtime";
import { globalSettings } from "@atoll/service-global";
import { kubernetesSettings } from "@atoll/service-kubernetes";
import { tokensSettings } from "@atoll/service-tokens";
import { xdsSettings } from "@atoll/service-xds";
import { zoneSettings } from "@atoll/service-zone";
import type { z } from "zod";

const schemas = {
  global: globalSettings,
  kubernetes: kubernetesSettings,
  tokens: tokensSettings,
  xds: xdsSettings,
  zone: zoneSettings,
} satisfies Record<string, z.ZodObject>;

export type ServiceName = keyof typeof schemas;
export const serviceNames = Object.keys(schemas) as ServiceName[];
/** Those that run on a machine of their own. The one that joins a cluster runs in its pods alone, from the image of the control plane. */
export const hostServiceNames = serviceNames.filter((name) => name !== "kubernetes");

/** The settings a service has by this file and environment. Throws if it would not start with them, or if one of them has no effect. */
export function settingsOf<Name extends ServiceName>(
  service: Name,
  source: { file?: string; env?: Record<string, string> },
): z.infer<(typeof schemas)[Name]> {
  const from = { file: source.file, env: source.env ?? {} };
  const { unknownVariables, unknownKeys, ignored } = settingsNotices([schemas[service]], [schemas[service]], from);
  const without = [...unknownVariables, ...unknownKeys, ...ignored.flatMap(({ settings }) => settings)];
  if (without.length > 0) throw new Error(`${without.join(", ")}: no effect on ${service}`);
  return loadSettings(schemas[service], from) as z.infer<(typeof schemas)[Name]>;
}

/** The settings a service has beside others that share the file and the environment. Throws if one of them means nothing to any of them. */
export function startingSettingsOf(service: ServiceName, source: { file: string; env: Record<string, string> }): unknown {
  const all = Object.values(schemas);
  const { unknownVariables, unknownKeys } = settingsNotices(all, all, source);
  const without = [...unknownVariables, ...unknownKeys];
  if (without.length > 0) throw new Error(`${without.join(", ")}: no effect`);
  return loadSettings(schemas[service], source);
}
