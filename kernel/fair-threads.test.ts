import { expect, test } from "vitest";
import { AppError } from "./app-error.ts";
import { FairThreads } from "./fair-threads.ts";

const tooMany = (): AppError => new AppError("resource_exhausted", "too many", { retryAfterS: 1 });
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Work that ends when it is told to; `spent` when it is stopped at its limit. */
class Work {
  readonly begun: string[] = [];
  readonly #ends: (() => void)[] = [];
  readonly #threads: FairThreads;

  constructor(threads: FairThreads) {
    this.#threads = threads;
  }

  take(workspace: string, how: "done" | "spent" = "done"): Promise<string> {
    return this.#threads.take(workspace, async (ranAway) => {
      this.begun.push(workspace);
      await new Promise<void>((resolve) => this.#ends.push(resolve));
      if (how === "spent") ranAway();
      return how;
    });
  }

  /** Ends what began first. */
  async end(): Promise<void> {
    this.#ends.shift()?.();
    await nextTurn();
  }
}

test("a workspace that fills the line is refused, and nobody else; others wait for no more than one of its pieces", async () => {
  const work = new Work(new FairThreads(2, { waitingPerWorkspace: 20, waiting: 200 }, tooMany));
  const hostile = ["x", "y", "z"];
  const all = hostile.flatMap((workspace) => Array.from({ length: 30 }, () => work.take(workspace, "spent").catch((error: AppError) => error.code)));
  await work.end();
  await work.end();
  // Two of them ran away by now, and have one thread together.
  const calm = Array.from({ length: 5 }, () => work.take("calm"));
  for (let ends = 0; ends < 20 && work.begun.filter((workspace) => workspace === "calm").length < 5; ends++) await work.end();
  expect(work.begun.slice(0, 12).filter((workspace) => workspace === "calm")).toHaveLength(5);
  while (work.begun.length < 2 + 3 * 20 + 5) await work.end();
  for (let ends = 0; ends < 2; ends++) await work.end();
  expect(await Promise.all(calm)).toEqual(Array(5).fill("done"));
  const ended = await Promise.all(all);
  expect(ended.filter((how) => how === "spent")).toHaveLength(62);
  expect(ended.filter((how) => how === "resource_exhausted")).toHaveLength(28);
});

test("the place of work that fails is free again", async () => {
  const threads = new FairThreads(1, { waitingPerWorkspace: 1, waiting: 10 }, tooMany);
  const failing = threads.take("a", async () => {
    throw new Error("no");
  });
  const next = threads.take("a", async () => "next");
  await expect(threads.take("a", async () => "one too many")).rejects.toMatchObject({ code: "resource_exhausted" });
  await expect(failing).rejects.toThrow("no");
  expect(await next).toBe("next");
});
