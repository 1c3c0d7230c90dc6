import type { LogTarget } from "@atoll/policy";
import { join } from "node:path";
import { isIPv6 } from "node:net";
import type { Dataplane } from "../dataplane.ts";
import type { MeshContext } from "../mesh-context.ts";
import type { AccessLogView } from "../proxy-view.ts";

const httpFormat =
  '[%START_TIME%] %KUMA_MESH% "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  "%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% " +
  '"%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-B3-TRACEID?X-DATADOG-TRACEID)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" ' +
  '"%KUMA_SOURCE_SERVICE%" "%KUMA_DESTINATION_SERVICE%" "%KUMA_SOURCE_ADDRESS_WITHOUT_PORT%" "%UPSTREAM_HOST%"';
const networkFormat =
  "[%START_TIME%] %RESPONSE_FLAGS% %KUMA_MESH% %KUMA_SOURCE_ADDRESS_WITHOUT_PORT%(%KUMA_SOURCE_SERVICE%)->" +
  "%UPSTREAM_HOST%(%KUMA_DESTINATION_SERVICE%) took %DURATION%ms, sent %BYTES_SENT% bytes, received: %BYTES_RECEIVED% bytes";

const maxPipePath = 98;

/** The pipe that kuma-dp opens for lines to be sent over TCP; its name is cut as kuma-dp cuts it. */
const logPipe = (folder: string, name: string, mesh: string): string =>
  `${join(folder, `kuma-al-${name}-${mesh}`).slice(0, maxPipePath)}.sock`;

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
    "%KUMA_TRAFFIC_DIRECTION%": connection.direction,
  };
  return targets.map(({ to, format }) => {
    const template = format ?? (connection.kind === "http" ? httpFormat : networkFormat);
    const line = `${template.replaceAll(/%KUMA_[A-Z_]+%/g, (placeholder) => values[placeholder] ?? placeholder)}\n`;
    if ("file" in to) return { format: line, path: to.file };
    return { format: `${to.tcp};${line}`, path: logPipe(connection.pipeFolder, dataplane.name, context.name) };
  });
}
