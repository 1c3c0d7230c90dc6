/** Where an OpenTelemetry collector takes what is sent to it over gRPC. */
export interface Collector {
  host: string;
  port: number;
}

const openTelemetryPort = 4317;

/** `host`, `host:port`, or either with a path, which has no meaning over gRPC. */
export function collectorOf(endpoint: string): Collector {
  const [, bracketed, plain = "", port] = /^(?:\[([^\]]*)\]|([^:/]*))(?::(\d+))?/.exec(endpoint) ?? [];
  return { host: bracketed ?? plain, port: port === undefined ? openTelemetryPort : Number(port) };
}
