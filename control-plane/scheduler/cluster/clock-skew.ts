import type { OwnerDeps } from "../owner-deps.ts";

/** Clocks that differ by more are worth a warning. */
const CLOCK_SKEW_MS = 1000;

/** @param databaseMs the database's wall clock just now */
export function warnOfSkew({ clock, log }: Pick<OwnerDeps, "clock" | "log">, databaseMs: number): void {
  const skewMs = Math.round(clock.wallMs() - databaseMs);
  if (Math.abs(skewMs) <= CLOCK_SKEW_MS) return;
  log.warn({ event: "owner.clock_skew", skewMs }, "this machine's clock and the database's differ: scheduled jobs begin by this machine's");
}
