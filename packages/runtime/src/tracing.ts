import { z } from "zod";

const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).prefault({} as never);

/** `tracing` of every service. Beside it the variables of OpenTelemetry count: https://opentelemetry.io/docs/specs/otel/protocol/exporter/ */
export const tracingSettings = section({
  openTelemetry: section({
    /** On, too, where `OTEL_EXPORTER_OTLP_ENDPOINT` says where to. */
    enabled: z.boolean().default(false),
    /** Base address of an OTLP/HTTP receiver. "" = as OpenTelemetry's variables say, else `http://localhost:4318`. */
    url: z.union([z.literal(""), z.url()]).default(""),
  }),
});

export type TracingSettings = z.infer<typeof tracingSettings>;

/** Who it is that sends spans and metrics. */
export interface TelemetrySource {
  service: string;
  instanceId: string;
  zone?: string;
}

export interface Telemetry {
  /** Sends what has not been sent, for at most two seconds, and stops. */
  close(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether anything goes to an OTLP receiver. What that takes is loaded only then. */
export function otlpWanted(signal: "traces" | "metrics", { openTelemetry }: TracingSettings, env: Environment): boolean {
  if (env["OTEL_SDK_DISABLED"] === "true" || env[`OTEL_${signal.toUpperCase()}_EXPORTER`] === "none") return false;
  const named = env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? env[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`] ?? "";
  return openTelemetry.enabled || openTelemetry.url !== "" || named !== "";
}

let tracing = false;

/**
 * Makes this process's spans go to an OTLP receiver, if that is wanted; undefined if not, or if another service of the process has done so:
 * its name stands for both.
 */
export async function startTracing(settings: TracingSettings, source: TelemetrySource): Promise<Telemetry | undefined> {
  if (tracing || !otlpWanted("traces", settings, process.env)) return undefined;
  tracing = true;
  const { sendSpans } = await import("./otlp-traces.ts");
  return sendSpans(source, settings.openTelemetry.url);
}
