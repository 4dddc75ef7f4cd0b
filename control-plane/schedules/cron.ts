import { Cron } from "croner";
import { AppError } from "../../kernel/app-error.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import type { Timing } from "./model.ts";
import type { Ticks } from "./plan-core.ts";

/** To read a pattern takes longer than to find its next tick. */
const MAX_CACHED = 20_000;
const cache = new LruMap<string, Ticks>(MAX_CACHED);

/**
 * The ticks of a pattern in its zone. Where clocks are changed it follows Vixie cron (0151): a pattern with one second, one minute and one hour
 * ticks once a day, right after a gap that its time falls into, and the first time of two; any other ticks whenever a clock on the wall would
 * show its time.
 * Errors: invalid_argument, naming the field.
 */
export function ticksOf(timing: Timing): Ticks {
  const key = `${timing.zone}\n${timing.cron}`;
  const known = cache.get(key);
  if (known !== undefined) return known;
  const cron = readPattern(timing);
  const ticks: Ticks = {
    after: (ms) => cron.nextRun(new Date(ms))?.getTime(),
    before: (ms) => cron.previousRuns(1, new Date(ms))[0]?.getTime(),
  };
  cache.set(key, ticks);
  return ticks;
}

function readPattern({ cron, zone }: Timing): Cron {
  if (!isZone(zone)) {
    throw new AppError("invalid_argument", `there is no time zone "${zone}"`, {
      fields: [{ pointer: "/timezone", message: "must be a name of the IANA database, such as Europe/Berlin or UTC" }],
    });
  }
  try {
    const read = new Cron(cron, { timezone: zone, mode: "5-or-6-parts", paused: true });
    // It takes a date, too, for something that happens once.
    if (read.getPattern() !== undefined) return read;
  } catch (error) {
    const fields = cron.split(/\s+/).filter((field) => field !== "").length;
    if (fields < 5 || fields > 6) throw unreadable(cron, `has ${fields} fields instead of five or six`);
    throw unreadable(cron, (error instanceof Error ? error.message : String(error)).replace(/^\w+: /, ""));
  }
  throw unreadable(cron, "is a date");
}

function unreadable(cron: string, why: string): AppError {
  return new AppError("invalid_argument", `the pattern "${cron}" cannot be read: ${why}`, {
    fields: [{ pointer: "/cron", message: why }],
    hint: "five fields (minute, hour, day, month, weekday), or six with seconds first, such as `0 30 7 * * 1-5`",
  });
}

/** Offsets such as +02:00 are no zones: they know nothing of summer. */
function isZone(name: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
