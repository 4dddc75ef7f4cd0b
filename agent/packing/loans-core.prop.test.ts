import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { Loans } from "./loans-core.ts";

const MB = 1024 * 1024;
const TOTAL = 2_000 * MB;
const CEILING = 1_000 * MB;

/** A kernel that keeps jobs to their limits: whoever asks for more is killed, and a limit below what is used is refused. */
class Kernel {
  readonly limits = new Map<string, number>();
  readonly used = new Map<string, number>();
  readonly waits = new Set<string>();

  /** @returns whether it lives; one that waits at its limit does */
  use(id: string, bytes: number): boolean {
    const limit = this.limits.get(id);
    if (limit === undefined) return false;
    this.used.set(id, Math.min(limit, bytes));
    return bytes <= limit || this.waits.has(id);
  }

  wait(id: string, waits: boolean): void {
    if (waits) this.waits.add(id);
    else this.waits.delete(id);
  }

  usedBytes(id: string): number | undefined {
    return this.used.get(id);
  }

  limit(id: string, bytes: number): boolean {
    if (bytes < (this.used.get(id) ?? 0)) return false;
    this.limits.set(id, bytes);
    return true;
  }

  sum(): number {
    return [...this.limits.values()].reduce((sum, limit) => sum + limit, 0);
  }
}

function world(): { kernel: Kernel; loans: Loans; open: (id: string, reservedMb: number, ceiling?: number) => number } {
  const kernel = new Kernel();
  const loans = new Loans(TOTAL, kernel);
  const open = (id: string, reservedMb: number, ceiling = CEILING): number => {
    loans.open(id, reservedMb * MB, ceiling);
    kernel.limits.set(id, reservedMb * MB);
    kernel.used.set(id, 0);
    loans.lend(id);
    return kernel.limits.get(id) ?? 0;
  };
  return { kernel, loans, open };
}

test("half of what is free is lent to each that comes, and called back when it is needed, but for what is used", () => {
  const { kernel, loans, open } = world();
  expect(open("a", 100)).toBe(1_000 * MB);
  expect(open("b", 100)).toBe(550 * MB);
  kernel.use("a", 600 * MB);
  // 450 MB are spare: the rest comes from the largest loan, down to what is used and an eighth.
  expect(open("c", 700)).toBe((700 + (450 + (1_000 - 675) - 700) / 2) * MB);
  expect([kernel.limits.get("a"), kernel.limits.get("b")]).toEqual([675 * MB, 550 * MB]);
  loans.close("a");
  kernel.limits.delete("a");
  expect(loans.spareBytes).toBe(TOTAL - kernel.sum());
});

test("what others than the jobs take is called back from loans, but for what is used", () => {
  const { kernel, loans, open } = world();
  open("a", 100);
  open("b", 300);
  kernel.use("a", 400 * MB);
  loans.hold(1_000 * MB);
  expect([kernel.limits.get("a"), kernel.limits.get("b")]).toEqual([450 * MB, 300 * MB]);
  loans.hold(1_500 * MB);
  // Nothing is left that could be called back: it is lent no more until somebody ends.
  expect([kernel.limits.get("a"), kernel.limits.get("b"), loans.spareBytes]).toEqual([412.5 * MB, 300 * MB, 0]);
});

test("a job that comes near its limit gets more, also from loans of others, and counts for what it uses", () => {
  const { kernel, loans, open } = world();
  for (const id of ["a", "b", "c", "d"]) open(id, 20);
  kernel.use("d", (kernel.limits.get("d") ?? 0) - MB);
  const before = kernel.limits.get("d") ?? 0;
  expect([...loans.look()]).toEqual([["d", before - MB]]);
  expect(kernel.limits.get("d")).toBeGreaterThan(before);
  // It grows by a quarter and more at each look, up to the ceiling: all others keep what was reserved for them.
  for (let round = 0; round < 20; round++) {
    expect(kernel.use("d", Math.min(990 * MB, (kernel.limits.get("d") ?? 0) - MB))).toBe(true);
    loans.look();
  }
  expect(kernel.used.get("d")).toBe(990 * MB);
  expect(Math.min(...kernel.limits.values())).toBeGreaterThanOrEqual(20 * MB);
});

test("a job that comes to its limit when nothing is left waits, counts for what it waits for, and goes on when another ends", () => {
  const { kernel, loans, open } = world();
  open("large", 1_600, 1_600 * MB);
  open("grows", 300);
  expect(kernel.use("grows", 700 * MB)).toBe(true);
  expect(loans.look().get("grows")).toBe(350 * MB);
  // All that was left: still not enough.
  expect([kernel.use("grows", 700 * MB), kernel.limits.get("grows")]).toEqual([true, 400 * MB]);
  expect(loans.look().get("grows")).toBe(532 * MB);
  loans.close("large");
  kernel.limits.delete("large");
  loans.look();
  expect(kernel.limits.get("grows")).toBe(532 * MB);
});

test("of jobs that wait for each other's memory the one that came last ends after half a minute", () => {
  const { kernel, loans, open } = world();
  for (const id of ["first", "second"]) open(id, 999, 1_900 * MB);
  expect([kernel.use("first", 1_900 * MB), kernel.use("second", 1_900 * MB)]).toEqual([true, true]);
  for (let n = 0; n < 299; n++) loans.look();
  expect([...kernel.waits]).toEqual(["first", "second"]);
  loans.look();
  expect([...kernel.waits]).toEqual(["first"]);
  loans.close("second");
  kernel.limits.delete("second");
  loans.look();
  expect([kernel.use("first", 1_200 * MB), kernel.used.get("first")]).toEqual([true, 1_200 * MB]);
});

test("a job at the most that it may have has nothing to wait for", () => {
  const { kernel, loans, open } = world();
  expect(open("greedy", 400, 450 * MB)).toBe(450 * MB);
  expect(kernel.use("greedy", 451 * MB)).toBe(false);
  loans.look();
  expect(kernel.limits.get("greedy")).toBe(450 * MB);
});

test("a limit that somebody chose is never moved", () => {
  const { kernel, loans, open } = world();
  expect(open("asked", 300, 300 * MB)).toBe(300 * MB);
  kernel.use("asked", 299 * MB);
  expect([...loans.look()]).toEqual([]);
  open("other", 1_600);
  expect(kernel.limits.get("asked")).toBe(300 * MB);
});

test("whatever jobs do: limits never add up to more than there is, and a job that keeps to what was reserved for it never dies", () => {
  const action = fc.record({
    kind: fc.constantFrom("open", "close", "use", "use", "greedy", "look"),
    at: fc.nat(30),
    mb: fc.integer({ min: 16, max: 400 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 300 }), fc.integer({ min: 0, max: 200 }), (actions, heldMb) => {
      const { kernel, loans, open } = world();
      loans.hold(heldMb * MB);
      const reserved = new Map<string, number>();
      const close = (id: string): void => {
        loans.close(id);
        for (const map of [reserved, kernel.limits, kernel.used]) map.delete(id);
      };
      actions.forEach(({ kind, at, mb, share }, number) => {
        const id = [...reserved.keys()][at] ?? "nobody";
        if (kind === "open") {
          // As the packing does it: reservations, with what has grown, stay within nine tenths.
          const taken = [...reserved].reduce((sum, [one, bytes]) => sum + Math.max(bytes, (kernel.used.get(one) ?? 0) * 1.05 + 4 * MB), 0);
          if (taken + mb * MB > (TOTAL - heldMb * MB) * 0.9) return;
          reserved.set(String(number), mb * MB);
          open(String(number), mb);
        } else if (kind === "close") close(id);
        else if (kind === "look") loans.look();
        else if (kind === "use") expect(id === "nobody" || kernel.use(id, Math.max(kernel.used.get(id) ?? 0, share * (reserved.get(id) ?? 0)))).toBe(true);
        else if (!kernel.use(id, (kernel.used.get(id) ?? 0) + share * 300 * MB)) close(id);
        expect(kernel.sum() + heldMb * MB).toBeLessThanOrEqual(TOTAL);
      });
    }),
    { numRuns: 300 },
  );
});
