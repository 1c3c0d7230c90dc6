import { defaultResource, detectResources, envDetector, resourceFromAttributes, type Resource } from "@opentelemetry/resources";
import type { TelemetrySource } from "./tracing.ts";
import { version } from "./version.ts";

/** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win. https://opentelemetry.io/docs/specs/semconv/resource/service/ */
export function otlpResource({ service, instanceId, zone }: TelemetrySource): Resource {
  const own = {
    "service.name": `atoll-${service}`,
    "service.namespace": "atoll",
    "service.instance.id": instanceId,
    "service.version": version.atoll,
    ...(zone !== undefined && { "atoll.zone": zone }),
  };
  return defaultResource()
    .merge(resourceFromAttributes(own))
    .merge(detectResources({ detectors: [envDetector] }));
}

/** Where one signal goes; undefined = as OpenTelemetry's variables say. */
export const otlpUrl = (endpoint: string, signal: "traces" | "metrics"): string | undefined =>
  endpoint === "" ? undefined : `${endpoint.replace(/\/+$/, "")}/v1/${signal}`;

const closeLimitMs = 2_000;

/** A receiver that is away does not keep a process from ending. */
export async function closeWithin(close: () => Promise<void>): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, closeLimitMs);
  try {
    await Promise.race([close().catch(() => undefined), limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}
