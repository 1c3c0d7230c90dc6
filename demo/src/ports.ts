/** Ports of one control plane process, all derived from one base so that a stack takes a known range. */
export interface ZonePorts {
  /** Zone REST API. */
  api: number;
  apiTls: number;
  /** Zone sync service's relay, which the zone's xDS replicas use. */
  relay: number;
  /** Where proxies connect. */
  dp: number;
  diagnostics: number;
  xdsDiagnostics: number;
  /** Where Prometheus finds proxies. */
  monitoring: number;
}

export interface GlobalPorts {
  api: number;
  apiTls: number;
  kds: number;
  tokens: number;
  diagnostics: number;
  tokensDiagnostics: number;
}

/** base 21000: REST 21081, KDS 21085, ... as Kuma's own last two digits. */
export const globalPorts = (base: number): GlobalPorts => ({
  api: base + 81,
  apiTls: base + 82,
  kds: base + 85,
  tokens: base + 84,
  diagnostics: base + 80,
  tokensDiagnostics: base + 79,
});

export const zonePorts = (base: number): ZonePorts => ({
  api: base + 81,
  apiTls: base + 82,
  relay: base + 86,
  dp: base + 78,
  diagnostics: base + 80,
  xdsDiagnostics: base + 79,
  monitoring: base + 83,
});

/** Of the second instance of global. */
export const secondGlobalPorts = (base: number): Pick<GlobalPorts, "api" | "apiTls" | "kds" | "diagnostics"> => ({
  api: base + 31,
  apiTls: base + 32,
  kds: base + 35,
  diagnostics: base + 30,
});

/** Of a zone's second xDS server, and of what shares the proxies between the two. */
export const secondXdsPorts = (base: number): { dp: number; xdsDiagnostics: number; balancer: number } => ({
  dp: base + 38,
  xdsDiagnostics: base + 39,
  balancer: base + 37,
});
