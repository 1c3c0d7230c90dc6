import { pino, type Logger as PinoLogger } from "pino";

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

/** JSON lines on stderr. `level` is pino's: trace, debug, info, warn, error, silent. */
export function createLogger(service: string, level = "info"): Logger {
  return pino(
    {
      name: service,
      level,
      base: { service },
      redact: { paths: secretPaths, censor: "[redacted]" },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ dest: 2, sync: true }),
  );
}
