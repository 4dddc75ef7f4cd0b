import pino from "pino";

/** What the code may do with a logger; pino fits. Fields first, then one short sentence. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  /** A person must act. */
  error(fields: Record<string, unknown>, message: string): void;
}

/** The process's logger: one JSON object a line on stderr, so that stdout stays free for data. */
export function createLog(level: string, base: Record<string, unknown> = {}): pino.Logger {
  return pino(
    { level, base, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ fd: 2, sync: true }),
  );
}
