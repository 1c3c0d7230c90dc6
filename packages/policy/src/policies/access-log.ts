import type { Resource, TrafficLogSpec } from "@atoll/resource";
import type { InboundQuestion } from "../ask/callee.ts";
import type { PolicyMesh } from "../ask/policy-mesh.ts";
import type { ProxyPolicies } from "../ask/proxy-policies.ts";
import type { Question } from "../ask/question.ts";
import { collectorOf } from "./collector.ts";
import type { Collector } from "./collector.ts";

/** Where lines go, and how they look. Placeholders `%KUMA_...%` are still in them. */
export interface LogTarget {
  to: { file: string } | { tcp: string } | { openTelemetry: Collector; attributes: { key: string; value: string }[] };
  /** Absent, as `json` is: the default of the kind of connection. Of OpenTelemetry the body, which may be an OTLP value. */
  format?: string | object;
  /** Fields of a line that is JSON. */
  json?: Record<string, string>;
  /** What has no value is left out, not written as `-`. */
  omitEmptyValues?: true;
  /** A line for TCP is JSON with the address in it. */
  wrapped?: true;
  /** Which way the line says that the traffic goes; absent = as the place does. */
  direction?: "OUTBOUND";
}

/** Nothing is logged by a policy whose backend the mesh does not have. No name = the mesh's default. */
function fromTrafficLog({ spec }: Resource<TrafficLogSpec>, { mesh }: PolicyMesh): LogTarget[] {
  const { logging } = mesh.spec;
  const name = spec.conf?.backend || logging?.defaultBackend;
  const backend = logging?.backends?.find((candidate) => candidate.name === name);
  if (!backend) return [];
  const conf = backend.conf as { path?: string; address?: string } | undefined;
  const to = backend.type === "file" ? { file: conf?.path ?? "" } : { tcp: conf?.address ?? "" };
  return [{ to, ...(backend.format ? { format: backend.format } : {}) }];
}

interface LogFormat {
  type: "Plain" | "Json";
  plain?: string;
  json?: { key?: string; value?: string }[];
  omitEmptyValues?: boolean;
}

interface MeshAccessLogConf {
  backends?: {
    type: "Tcp" | "File" | "OpenTelemetry";
    file?: { path: string; format?: LogFormat };
    tcp?: { address: string; format?: LogFormat };
    openTelemetry?: { endpoint: string; attributes?: { key?: string; value?: string }[]; body?: unknown };
  }[];
}

function fromMeshAccessLog({ backends = [] }: MeshAccessLogConf): LogTarget[] {
  return backends.flatMap(({ file, tcp, openTelemetry }): LogTarget[] => {
    if (tcp) return [{ to: { tcp: tcp.address }, wrapped: true, ...formatOf(tcp.format) }];
    if (file) return [{ to: { file: file.path }, ...formatOf(file.format) }];
    if (!openTelemetry) return [];
    const { endpoint, attributes = [], body } = openTelemetry;
    const named = attributes.map(({ key = "", value = "" }) => ({ key, value }));
    const to = { openTelemetry: collectorOf(endpoint), attributes: named };
    return [{ to, ...(typeof body === "string" || (typeof body === "object" && body !== null) ? { format: body } : {}) }];
  });
}

function formatOf(format: LogFormat | undefined): Pick<LogTarget, "format" | "json" | "omitEmptyValues"> {
  if (!format) return {};
  const { plain, json, omitEmptyValues } = format;
  return {
    ...(plain === undefined
      ? { json: Object.fromEntries((json ?? []).map(({ key = "", value = "" }) => [key, value])) }
      : { format: plain }),
    ...(omitEmptyValues ? { omitEmptyValues: true } : {}),
  };
}

/** Every collector that some policy of the proxy may send its logs to. */
export function logCollectors(policies: ProxyPolicies): Collector[] {
  const confs = policies
    .matched("MeshAccessLog")
    .policies.flatMap(({ spec }) => [...(spec.from ?? []), ...(spec.to ?? []), ...(spec.rules ?? [])]);
  return confs.flatMap((item) =>
    fromMeshAccessLog((item.default ?? {}) as MeshAccessLogConf).flatMap(({ to }) => ("openTelemetry" in to ? [to.openTelemetry] : [])),
  );
}

/** Access logs of what goes out. */
export const outboundLogs: Question<LogTarget[]> = {
  legacy: { type: "TrafficLog", conf: fromTrafficLog },
  targeted: { type: "MeshAccessLog", conf: fromMeshAccessLog },
  precedence: (legacy, targeted) => [...legacy, ...targeted],
};

/** Access logs of what a port of a gateway takes and passes on: what goes out, for a MeshAccessLog, and what comes in, for a TrafficLog. */
export const passedLogs: Question<LogTarget[]> = {
  ...outboundLogs,
  targeted: {
    type: "MeshAccessLog",
    conf: (conf: MeshAccessLogConf) => fromMeshAccessLog(conf).map((target): LogTarget => ({ ...target, direction: "OUTBOUND" })),
  },
};

/** Access logs of what comes in. */
export const inboundLogs: InboundQuestion<LogTarget[]> = {
  targeted: { type: "MeshAccessLog", by: "everybody", conf: fromMeshAccessLog },
};
