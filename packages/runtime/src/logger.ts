import { context, trace } from "@opentelemetry/api";
import { pino, type DestinationStream, type Logger as PinoLogger } from "pino";

export type Logger = PinoLogger;

/** Paths that may hold credentials are replaced before a line is written. */
const secretPaths = [
  "token",
  "*.token",
  "authorization",
  "*.authorization",
  "headers.authorization",
  "req.headers.authorization",
  "privateKey",
  "*.privateKey",
  "key.data",
];

/**
 * JSON lines. `level` is pino's: trace, debug, info, warn, error, silent. Fields have the same name in every line: `zone`, `mesh`, `proxy`,
 * `revision`; the mesh of a proxy is in its id. Within a trace that is recorded a line names it.
 */
export function createLogger(service: string, level = "info", to: DestinationStream = pino.destination({ dest: 2, sync: true })): Logger {
  return pino(
    {
      name: service,
      level,
      base: { service },
      redact: { paths: secretPaths, censor: "[redacted]" },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { log: withMesh },
      serializers: { err: (error: Error) => ({ ...pino.stdSerializers.err(error), message: messageOf(error) }) },
      mixin: traceField,
    },
    to,
  );
}

/** With those of its causes, as far as they say something new; gRPC's begin with a status that is no use to readers. */
function messageOf(error: unknown): string {
  let message = "";
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const own = cause.message.replace(/^\d+ [A-Z_]+: /, "");
    if (!message.includes(own)) message = message === "" ? own : `${message}: ${own}`;
  }
  return message;
}

/** Ids of proxies are `mesh.name`; those of zone proxies have no mesh. */
function withMesh(fields: Record<string, unknown>): Record<string, unknown> {
  const { proxy } = fields;
  if (typeof proxy !== "string" || "mesh" in fields) return fields;
  const [mesh] = proxy.split(".", 1);
  return mesh === "" || mesh === proxy ? fields : { mesh, ...fields };
}

function traceField(): { trace?: string } {
  const span = trace.getSpan(context.active());
  return span?.isRecording() === true ? { trace: span.spanContext().traceId } : {};
}
