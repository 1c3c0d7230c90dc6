import { readFileSync } from "node:fs";
import { z } from "zod";
import { nodeTlsVersion, tlsVersion } from "./api-settings.ts";
import { expandPath } from "./paths.ts";
import { readerSettings } from "./reader-gate.ts";
import { SettingsError } from "./settings.ts";

/** `diagnostics` of every service. */
export const diagnosticsSettings = z
  .object({
    serverInterface: z.string().default("0.0.0.0"),
    serverPort: z.int().min(0).max(65_535).default(5680),
    /** Metrics are for everybody who reaches the port; debug views never are. */
    openMetrics: z.boolean().default(false),
    ...readerSettings,
    tlsEnabled: z.boolean().default(false),
    tlsCertFile: z.string().optional(),
    tlsKeyFile: z.string().optional(),
    tlsMinVersion: tlsVersion.default("TLSv1_2"),
  })
  .prefault({});

/** Key and certificate of the diagnostics port; undefined = plain HTTP. @throws SettingsError */
export function diagnosticsTls({ tlsEnabled, tlsCertFile, tlsKeyFile, tlsMinVersion }: z.infer<typeof diagnosticsSettings>) {
  if (!tlsEnabled && tlsCertFile === undefined && tlsKeyFile === undefined) return undefined;
  if (!tlsEnabled || tlsCertFile === undefined || tlsKeyFile === undefined)
    throw new SettingsError("diagnostics.tlsEnabled, diagnostics.tlsCertFile and diagnostics.tlsKeyFile have to be given together");
  const minVersion = nodeTlsVersion(tlsMinVersion);
  return { cert: read("tlsCertFile", tlsCertFile), key: read("tlsKeyFile", tlsKeyFile), minVersion } as const;
}

function read(setting: string, file: string): string {
  try {
    return readFileSync(expandPath(file), "utf8");
  } catch (error) {
    throw new SettingsError(`diagnostics.${setting}: cannot read ${file}: ${(error as Error).message}`);
  }
}
