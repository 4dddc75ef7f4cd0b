/** What the code may do with a logger; pino fits. Fields first, then one short sentence. */
export interface Log {
  debug(fields: Record<string, unknown>, message: string): void;
  info(fields: Record<string, unknown>, message: string): void;
  warn(fields: Record<string, unknown>, message: string): void;
  /** A person must act. */
  error(fields: Record<string, unknown>, message: string): void;
}
