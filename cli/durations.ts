import { AppError } from "../kernel/app-error.ts";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads "30s", "500ms", "1m30s", "2h", "1d" into milliseconds; a bare number means seconds. Errors: invalid_argument. */
export function parseDurationMs(text: string): number {
  const bare = /^\d+(\.\d+)?$/.test(text) ? `${text}s` : text;
  if (!/^(\d+(\.\d+)?(ms|min|[smhd]))+$/.test(bare)) {
    throw new AppError("invalid_argument", `${JSON.stringify(text)} is not a duration`, { hint: "write 500ms, 30s, 5m or 1h30m" });
  }
  let totalMs = 0;
  for (const [, number, unit] of bare.matchAll(/(\d+(?:\.\d+)?)(ms|min|[smhd])/g)) totalMs += Number(number) * (UNIT_MS[unit ?? ""] ?? 0);
  return Math.round(totalMs);
}

/** Milliseconds for people: "12 ms", "1.2 s", "1 min 05 s", "2 h 03 min". */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

/** How long ago an instant was, in one unit: "12 s ago", "3 min ago". */
export function formatAge(thenMs: number, nowMs: number): string {
  const seconds = Math.max(0, Math.round((nowMs - thenMs) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

const two = (value: number): string => String(value).padStart(2, "0");
