import { logCollectors } from "@atoll/policy";
import type { Collector, LogTarget, ProxyPolicies } from "@atoll/policy";
import { isIPv6 } from "node:net";
import type { Dataplane } from "../dataplane.ts";
import { logPipe } from "../launcher-sockets.ts";
import type { MeshContext } from "../mesh-context.ts";
import { clusterNames } from "../mesh-tls.ts";
import type { AccessLogView } from "../proxy-view.ts";
import { refOf } from "../reasons.ts";
import type { ViewBuilder } from "../view-builder.ts";
import { collectorDiscovery } from "./collector.ts";
import { defaultConnectTimeoutMs } from "./timeout.ts";

const httpFormat =
  '[%START_TIME%] %KUMA_MESH% "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% " +
  '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" ' +
  '"%KUMA_SOURCE_SERVICE%" "%KUMA_DESTINATION_SERVICE%" "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%" "%UPSTREAM_HOST%"';
const networkFormat =
  "[%START_TIME%] %RESPONSE_FLAGS% %KUMA_MESH% %KUMA_SOURCE_ADDRESS_WITHOUT_PORT%(%KUMA_SOURCE_SERVICE%)->" +
  "%UPSTREAM_HOST%(%KUMA_DESTINATION_SERVICE%) took %DURATION%ms, sent %BYTES_SENT% bytes, received: %BYTES_RECEIVED% bytes";

export interface LoggedConnection {
  kind: "http" | "network";
  direction: "INBOUND" | "OUTBOUND" | "UNSPECIFIED";
  sourceService: string;
  destinationService: string;
  /** Folder of kuma-dp's pipes, as the proxy reports it. */
  pipeFolder: string;
}

/** Access logs of a listener. */
export function accessLogs(
  context: MeshContext,
  dataplane: Dataplane,
  targets: readonly LogTarget[] | undefined,
  connection: LoggedConnection,
): AccessLogView[] {
  if (!targets?.length) return [];
  const address = dataplane.spec.networking?.address ?? "";
  const values: Record<string, string> = {
    "%KUMA_SOURCE_ADDRESS%": isIPv6(address) ? `[${address}]:0` : `${address}:0`,
    "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%": address,
    "%KUMA_SOURCE_SERVICE%": connection.sourceService,
    "%KUMA_DESTINATION_SERVICE%": connection.destinationService,
    "%KUMA_MESH%": context.name,
  };
  const pipe = logPipe(connection.pipeFolder, dataplane.name, context.name);
  return targets.map(({ to, format, json, omitEmptyValues, wrapped, direction = connection.direction }): AccessLogView => {
    const known: Record<string, string> = { ...values, "%KUMA_TRAFFIC_DIRECTION%": direction };
    const fill = (template: string): string => template.replaceAll(/%KUMA_[A-Z_]+%/g, (placeholder) => known[placeholder] ?? placeholder);
    const text = fill(typeof format === "string" ? format : connection.kind === "http" ? httpFormat : networkFormat);
    const line = `${text}\n`;
    if ("openTelemetry" in to) {
      const attributes = to.attributes.map(({ key, value }) => ({ key, value: fill(value) }));
      const body = typeof format === "object" ? { body: JSON.parse(fill(JSON.stringify(format))) as unknown } : {};
      return { format: text, path: collectorName(to.openTelemetry), openTelemetry: { attributes, ...body } };
    }
    const fields = json && Object.fromEntries(Object.entries(json).map(([key, value]) => [key, fill(value)]));
    const given = { ...(fields ? { json: fields } : {}), ...(omitEmptyValues ? { omitEmptyValues } : {}) };
    if ("file" in to) return { format: line, path: to.file, ...given };
    if (wrapped) return { ...given, format: line, path: pipe, json: { address: to.tcp, message: fields ?? line } };
    return { format: `${to.tcp};${line}`, path: pipe };
  });
}

const collectorName = ({ host, port }: Collector): string => `meshaccesslog:opentelemetry:${host}-${port}`;

/** Adds the clusters of the collectors that logs go to. */
export function addLogCollectors(builder: ViewBuilder, dataplane: Dataplane, policies: ProxyPolicies): void {
  for (const collector of logCollectors(policies)) {
    const name = collectorName(collector);
    builder.cluster(
      {
        ...clusterNames(name),
        discovery: collectorDiscovery(collector),
        connectTimeoutMs: defaultConnectTimeoutMs,
        http: "http2",
      },
      undefined,
      () => ({ from: [refOf(dataplane, "access logs")], policies: [] }),
    );
  }
}
