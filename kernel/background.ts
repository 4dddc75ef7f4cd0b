import { messageOf } from "./app-error.ts";

/** What a task that nobody awaits reports to when it fails. */
export interface BackgroundLog {
  error(fields: Record<string, unknown>, message: string): void;
}

/** Marks a promise as deliberately not awaited: a failure is logged under its name instead of ending the process. */
export function background(log: BackgroundLog, name: string, promise: Promise<unknown>): void {
  promise.catch((error: unknown) => {
    log.error({ event: "background.failed", task: name, error: messageOf(error), stack: error instanceof Error ? error.stack : undefined }, `${name} failed`);
  });
}
