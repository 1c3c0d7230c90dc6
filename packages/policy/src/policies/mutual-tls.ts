import type { InboundQuestion } from "../ask/callee.ts";

export type TlsVersion = "TLSv1_0" | "TLSv1_1" | "TLSv1_2" | "TLSv1_3";

/** Absent: as Envoy does by itself. `ciphers` are OpenSSL's names; they are for TLS 1.2 and below. */
export interface TlsParameters {
  minVersion?: TlsVersion;
  maxVersion?: TlsVersion;
  ciphers?: readonly string[];
}

/** Mutual TLS within a mesh that has it. */
export interface MutualTls {
  /** Whether it is asked of callers. Absent: as the mesh says. */
  mode?: "STRICT" | "PERMISSIVE";
  /** Of both ends. */
  parameters: TlsParameters;
}

type MeshTlsVersion = "TLSAuto" | "TLS10" | "TLS11" | "TLS12" | "TLS13";

interface MeshTlsConf {
  tlsVersion?: { min?: MeshTlsVersion; max?: MeshTlsVersion };
  tlsCiphers?: string[];
  mode?: "Strict" | "Permissive";
}

const versionOf = { TLSAuto: undefined, TLS10: "TLSv1_0", TLS11: "TLSv1_1", TLS12: "TLSv1_2", TLS13: "TLSv1_3" } as const;

/** Versions as resources with a `version` of TLS have them. */
export function tlsVersions({
  min = "TLSAuto",
  max = "TLSAuto",
}: { min?: MeshTlsVersion | undefined; max?: MeshTlsVersion | undefined } = {}): TlsParameters {
  const [minVersion, maxVersion] = [versionOf[min], versionOf[max]];
  return { ...(minVersion ? { minVersion } : {}), ...(maxVersion ? { maxVersion } : {}) };
}

function fromMeshTls({ tlsVersion, tlsCiphers = [], mode }: MeshTlsConf): MutualTls {
  return {
    ...(mode ? { mode: mode === "Strict" ? "STRICT" : "PERMISSIVE" } : {}),
    parameters: { ...tlsVersions(tlsVersion), ...(tlsCiphers.length > 0 ? { ciphers: tlsCiphers } : {}) },
  };
}

/** Mutual TLS of an inbound; of a proxy as a whole, what holds where it calls. */
export const mutualTls: InboundQuestion<MutualTls> = {
  targeted: { type: "MeshTLS", by: "everybody", conf: fromMeshTls },
};
