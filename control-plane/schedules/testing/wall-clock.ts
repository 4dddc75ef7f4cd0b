// An oracle for cron that knows nothing of croner: it walks through real time minute by minute, asks Intl what a clock on the wall shows, and
// compares. It understands numbers, lists, ranges, `*` and steps.
const MINUTE_MS = 60_000;

/** What a clock on the wall shows. `text` is the whole of it, to the minute. */
interface Wall {
  readonly text: string;
  readonly date: string;
  /** Minutes since the beginning of year 1970 by that clock. */
  readonly minutes: number;
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly month: number;
  readonly weekday: number;
}

export interface WalkedMinute {
  readonly atMs: number;
  readonly wall: Wall;
}

/** Every minute of a span in a zone. */
export function walk(zone: string, fromMs: number, untilMs: number): WalkedMinute[] {
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
  });
  const minutes: WalkedMinute[] = [];
  for (let atMs = fromMs; atMs < untilMs; atMs += MINUTE_MS) minutes.push({ atMs, wall: wallOf(format.format(atMs)) });
  return minutes;
}

/** From `29/03/2026, 01:59`. */
function wallOf(text: string): Wall {
  const [, day = "", month = "", year = "", hour = "", minute = ""] = /^(\d+)\/(\d+)\/(\d+), (\d+):(\d+)$/.exec(text) ?? [];
  return wallAt(Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute)) / MINUTE_MS);
}

function wallAt(minutes: number): Wall {
  const shown = new Date(minutes * MINUTE_MS);
  return {
    text: shown.toISOString().slice(0, 16),
    date: shown.toISOString().slice(0, 10),
    minutes,
    minute: shown.getUTCMinutes(),
    hour: shown.getUTCHours(),
    day: shown.getUTCDate(),
    month: shown.getUTCMonth() + 1,
    weekday: shown.getUTCDay(),
  };
}

/** Ticks of a pattern with six fields in a walked span, by the rules of decision 0151. The first three hours are for looking back alone. */
export function oracleTicks(pattern: string, minutes: readonly WalkedMinute[]): number[] {
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = ""] = pattern.split(" ");
  const seconds = valuesOf(second, 0, 59);
  const isFixed = [seconds, valuesOf(minute, 0, 59), valuesOf(hour, 0, 23)].every((values) => values.length === 1);
  const matches = (wall: Wall): boolean => {
    const ofMonth = valuesOf(day, 1, 31).includes(wall.day);
    const ofWeek = valuesOf(weekday, 0, 6).includes(wall.weekday);
    const isDay = day !== "*" && weekday !== "*" ? ofMonth || ofWeek : ofMonth && ofWeek;
    return isDay && valuesOf(month, 1, 12).includes(wall.month) && valuesOf(hour, 0, 23).includes(wall.hour) && valuesOf(minute, 0, 59).includes(wall.minute);
  };
  const ticks = new Set<number>();
  const seen = new Set<string>();
  minutes.forEach(({ atMs, wall }, at) => {
    const before = minutes[at - 1]?.wall;
    if (isFixed && before !== undefined) {
      // The clock was set forward: what it never showed happens right after, on that day.
      for (let missing = before.minutes + 1; missing < wall.minutes; missing++) {
        const never = wallAt(missing);
        if (matches(never) && never.date === wall.date) ticks.add(atMs);
      }
    }
    const isAgain = seen.has(wall.text);
    seen.add(wall.text);
    if (matches(wall) && !(isFixed && isAgain)) for (const one of seconds) ticks.add(atMs + one * 1000);
  });
  return [...ticks].sort((a, b) => a - b);
}

function valuesOf(field: string, low: number, high: number): number[] {
  return field.split(",").flatMap((part) => {
    const [range = "", step = "1"] = part.split("/");
    const [from = low, to = from] = range === "*" ? [low, high] : range.split("-").map(Number);
    return Array.from({ length: Math.floor((to - from) / Number(step)) + 1 }, (_, at) => from + at * Number(step));
  });
}

/** Moments of a year at which clocks of a zone are set, to the hour before. */
export function changesIn(zone: string, year: number): number[] {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "longOffset", hour: "2-digit" });
  const offsetAt = (ms: number): string => /GMT\S*/.exec(format.format(ms))?.[0] ?? "";
  const found: number[] = [];
  for (let ms = Date.UTC(year, 0, 1); ms < Date.UTC(year + 1, 0, 1); ms += 60 * MINUTE_MS) if (offsetAt(ms) !== offsetAt(ms + 60 * MINUTE_MS)) found.push(ms);
  return found;
}
