import {
  aggregatedApplications,
  aggregatedMetrics,
  annotation,
  AnnotationError,
  readEnabled,
  readUint32,
  type Annotations,
} from "@atoll/kubernetes";
import type { MetricsBackend } from "@atoll/resource";

/** Where a pod's proxy and applications are scraped, if its annotations say other than its mesh. @throws AnnotationError */
export function metricsOf(annotations: Annotations): MetricsBackend | undefined {
  const path = annotations?.[annotation.metricsPath];
  const port = readUint32(annotations, annotation.metricsPort);
  const aggregate = aggregatedApplications(annotations).map((name) => applicationOf(annotations, name));
  if (!path && port === undefined && aggregate.length === 0) return undefined;
  const conf = { ...(path && { path }), ...(port && { port }), ...(aggregate.length > 0 && { aggregate }) };
  return { type: "prometheus", conf };
}

function applicationOf(annotations: Annotations, name: string) {
  const enabled = readEnabled(annotations, aggregatedMetrics.enabled(name)) ?? true;
  const port = readUint32(annotations, aggregatedMetrics.port(name));
  if (port === undefined && enabled)
    throw new AnnotationError(`annotation "${aggregatedMetrics.port(name)}" is missing: port needs to be specified for metrics scraping`);
  const address = annotations?.[aggregatedMetrics.address(name)];
  return {
    name,
    path: annotations?.[aggregatedMetrics.path(name)] ?? "/metrics",
    ...(port !== undefined && { port }),
    enabled,
    ...(address && { address }),
  };
}
