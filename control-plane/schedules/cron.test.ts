import { describe, expect, test } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { processorMs } from "../../kernel/processor-time.fixture.ts";
import { ticksOf } from "./cron.ts";
import { changesIn, oracleTicks, type WalkedMinute, walk } from "./testing/wall-clock.ts";

const HOUR_MS = 3_600_000;

/** Years with changes that are special: half an hour, at midnight, a month of Ramadan, a day that never was. */
const PLACES: readonly (readonly [zone: string, year: number])[] = [
  ["Europe/Berlin", 2026],
  ["Europe/Dublin", 2026],
  ["America/New_York", 2026],
  ["America/Havana", 2026],
  ["America/Sao_Paulo", 2018],
  ["Australia/Lord_Howe", 2026],
  ["Africa/Casablanca", 2026],
  ["Asia/Beirut", 2026],
  ["Pacific/Apia", 2011],
];
const STEADY = ["UTC", "Asia/Kathmandu"];

interface Span {
  readonly name: string;
  readonly zone: string;
  readonly minutes: readonly WalkedMinute[];
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Two and a half days around each change; the first three hours are for the oracle to look back. */
const SPANS: readonly Span[] = [
  ...PLACES.flatMap(([zone, year]) => changesIn(zone, year).map((changeMs) => spanOf(zone, changeMs - 30 * HOUR_MS, changeMs + 30 * HOUR_MS))),
  ...STEADY.map((zone) => spanOf(zone, Date.UTC(2026, 1, 27), Date.UTC(2026, 2, 2))),
];

function spanOf(zone: string, fromMs: number, untilMs: number): Span {
  return {
    name: `${zone} ${new Date(fromMs).toISOString().slice(0, 10)}`,
    zone,
    minutes: walk(zone, fromMs - 3 * HOUR_MS, untilMs),
    fromMs,
    untilMs,
  };
}

function expectSame(pattern: string, { zone, minutes, fromMs, untilMs }: Span): void {
  const expected = oracleTicks(pattern, minutes).filter((at) => at >= fromMs);
  const ticks = ticksOf({ cron: pattern, zone });
  const forward: number[] = [];
  for (let at = ticks.after(fromMs - 1); at !== undefined && at < untilMs; at = ticks.after(at)) forward.push(at);
  const backward: number[] = [];
  for (let at = ticks.before(untilMs); at !== undefined && at >= fromMs; at = ticks.before(at)) backward.push(at);
  const shown = (list: readonly number[]): string[] => list.map((at) => new Date(at).toISOString());
  expect(shown(forward), `${pattern} in ${zone}`).toEqual(shown(expected));
  expect(shown(backward.reverse()), `${pattern} in ${zone}, backwards`).toEqual(shown(expected));
}

const PATTERNS = ["0 30 2 * * *", "15 30 0 * * *", "0 0 3 * * *", "0 59 1 * * *", "0 0,30 * * * *", "0 */7 2 * * *", "0,30 15 1,2 * * *", "0 10 4 1,29 * 1"];

describe("where clocks are set, the ticks are those that walking through each minute finds", () => {
  for (const span of SPANS) {
    test(span.name, () => {
      for (const pattern of PATTERNS) expectSame(pattern, span);
    });
  }
});

test("so are those of any pattern in any of these places", () => {
  const number = (low: number, high: number): fc.Arbitrary<string> => fc.integer({ min: low, max: high }).map(String);
  const field = (low: number, high: number): fc.Arbitrary<string> =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constant("*") },
      { weight: 4, arbitrary: number(low, high) },
      fc.integer({ min: 5, max: 20 }).map((step) => `*/${step}`),
      fc.uniqueArray(fc.integer({ min: low, max: high }), { minLength: 2, maxLength: 3 }).map((list) => list.sort((a, b) => a - b).join(",")),
      fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: 0, max: 5 })).map(([from, more]) => `${from}-${Math.min(high, from + more)}`),
    );
  const days = fc.constantFrom("*", "*", "*", "1-15", "16-31", "*/2");
  const pattern = fc
    .tuple(
      fc.constantFrom("0", "0", "30", "0,45"),
      field(0, 59),
      fc.oneof(field(0, 23), number(0, 3)),
      days,
      fc.constant("*"),
      fc.constantFrom("*", "*", "0,6", "1-5"),
    )
    .map((fields) => fields.join(" "));
  fc.assert(
    fc.property(pattern, fc.nat({ max: SPANS.length - 1 }), (cron, at) => {
      const span = SPANS[at];
      if (span !== undefined) expectSame(cron, span);
    }),
    { numRuns: 30 },
  );
});

describe("a pattern", () => {
  test("of five fields ticks at second 0, of six at its seconds", () => {
    const from = Date.UTC(2026, 0, 1, 0, 0, 30);
    expect(ticksOf({ cron: "* * * * *", zone: "UTC" }).after(from)).toBe(Date.UTC(2026, 0, 1, 0, 1));
    expect(ticksOf({ cron: "*/10 * * * * *", zone: "UTC" }).after(from)).toBe(Date.UTC(2026, 0, 1, 0, 0, 40));
    expect(ticksOf({ cron: "*/10 * * * * *", zone: "UTC" }).after(from + 1)).toBe(Date.UTC(2026, 0, 1, 0, 0, 40));
    expect(ticksOf({ cron: "*/10 * * * * *", zone: "UTC" }).before(from)).toBe(Date.UTC(2026, 0, 1, 0, 0, 20));
    expect(ticksOf({ cron: "*/10 * * * * *", zone: "UTC" }).before(from + 1)).toBe(from);
  });

  test("for the 31st leaves out shorter months, L is the last day, # the nth weekday", () => {
    const months = (cron: string): string[] => {
      const ticks = ticksOf({ cron, zone: "Europe/Berlin" });
      const found: string[] = [];
      for (let at = ticks.after(Date.UTC(2026, 0, 1)); at !== undefined && found.length < 4; at = ticks.after(at))
        found.push(new Date(at).toISOString().slice(0, 10));
      return found;
    };
    expect(months("0 12 31 * *")).toEqual(["2026-01-31", "2026-03-31", "2026-05-31", "2026-07-31"]);
    expect(months("0 12 L * *")).toEqual(["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]);
    expect(months("0 12 * * MON#2")).toEqual(["2026-01-12", "2026-02-09", "2026-03-09", "2026-04-13"]);
  });

  test("that never matches has no tick, and it does not take long to find out", () => {
    const tookMs = processorMs(() => expect(ticksOf({ cron: "0 0 30 2 *", zone: "Europe/Berlin" }).after(Date.UTC(2026, 0, 1))).toBeUndefined());
    expect(tookMs).toBeLessThan(1000);
  });

  test.each([
    ["* * * *", "/cron"],
    ["60 * * * *", "/cron"],
    ["0 0 0 0 0 0 2030", "/cron"],
    ["@daily and more", "/cron"],
    ["2026-01-01T00:00:00", "/cron"],
    ["", "/cron"],
    ["*/0 * * * *", "/cron"],
  ])("that cannot be read is refused by its field: %s", (cron, pointer) => {
    expect(fieldOf(() => ticksOf({ cron, zone: "UTC" }))).toEqual([pointer]);
  });

  test("with too few fields is told how many there are", () => {
    expect(() => ticksOf({ cron: "* * * *", zone: "UTC" })).toThrow("has 4 fields instead of five or six");
  });

  test.each(["Europe/Atlantis", "+02:00", "", "europe berlin", "UTC+1; drop"])("in a zone that there is not is refused by its field: %s", (zone) => {
    expect(fieldOf(() => ticksOf({ cron: "* * * * *", zone }))).toEqual(["/timezone"]);
  });
});

function fieldOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof AppError && error.code === "invalid_argument") return error.fields.map(({ pointer }) => pointer);
    throw error;
  }
  return [];
}
