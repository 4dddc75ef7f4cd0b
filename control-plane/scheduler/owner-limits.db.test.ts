import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EXIT_REASONS, exitOf } from "../../kernel/exit.ts";
import { jobKey } from "../jobs/idempotency-key.ts";
import { policyOf } from "../jobs/policy-codec.ts";
import type { JobLimits, LimitStrategy } from "./core/limit-model.ts";
import { OwnerBench, until } from "./testing/owner-bench.ts";

/** Limits of jobs that wait for a moment, are tried again, expire, or come with a key. */
const HOUR_MS = 3_600_000;
const failure = exitOf("exit_code", "it broke", { code: 3 });

let bench: OwnerBench;
beforeAll(async () => {
  bench = await OwnerBench.open(4);
});
afterAll(() => bench.close());
beforeEach(async () => {
  await bench.pool.query("TRUNCATE job_pending, job_running");
  bench.forget();
  bench.shiftMs = 0;
  await bench.restart();
});

const one = (key: string, strategy: LimitStrategy = "queue"): JobLimits => ({
  group: `9${key}`,
  specs: [{ kind: "running", id: `1${key}`, key, strategy, max: 1 }],
});
const debounced = (key: string, delayMs: number): JobLimits => ({
  group: `8${key}`,
  specs: [{ kind: "debounce", id: `2${key}`, key, strategy: "queue", delayMs, maxMs: undefined }],
});
const reasonOf = async (id: Parameters<OwnerBench["untilDone"]>[0]): Promise<string | undefined> => EXIT_REASONS[(await bench.untilDone(id)).exit_reason];

describe("a job that was scheduled", () => {
  test("waits for a permit from its moment on, and gets it when the one before ends; also behind a change of the owner", async () => {
    bench.attach();
    const first = bench.job({ limits: one("1") });
    const later = bench.later(50, { limits: one("1") });
    await bench.owner.enqueue([first, later]);
    const bundle = await bench.started(first.job.id);
    await until("its moment has come", () => bench.owner.state.waiting.has(later.job.id));
    expect(bench.owner.state.running.has(later.job.id)).toBe(false);
    await bench.restart();
    bench.attach();
    await until("it waits again", () => bench.owner.state.waiting.has(later.job.id));
    expect(bench.owner.state.running.has(later.job.id)).toBe(false);
    expect(await bench.finish(bundle, exitOf("succeeded"))).toBe("recorded");
    await bench.finish(await bench.started(later.job.id), exitOf("succeeded"));
  });

  test("is refused at its moment when the limit is reached then, not when it is accepted", async () => {
    bench.attach();
    const holds = bench.job({ limits: one("2", "fail") });
    const refused = bench.later(100, { limits: one("2", "fail") });
    const fits = bench.later(HOUR_MS, { limits: one("2", "fail") });
    await bench.owner.enqueue([holds, refused, fits]);
    const bundle = await bench.started(holds.job.id);
    expect(await reasonOf(refused.job.id)).toBe("limit_reached");
    await bench.finish(bundle, exitOf("succeeded"));
    bench.shiftMs = HOUR_MS + 1000;
    await bench.restart();
    bench.attach();
    await bench.finish(await bench.started(fits.job.id), exitOf("succeeded"));
  });

  test("takes part in a debounce from its moment on: it replaces the one that waits, and then waits itself", async () => {
    bench.attach();
    const waits = bench.job({ limits: debounced("3", 300) });
    const later = bench.later(100, { limits: debounced("3", 300) });
    await bench.owner.enqueue([waits, later]);
    expect(await reasonOf(waits.job.id)).toBe("cancelled");
    expect(bench.owner.state.running.has(later.job.id)).toBe(false);
    await bench.finish(await bench.started(later.job.id), exitOf("succeeded"));
    expect(bench.clock.wallMs() - later.job.dueAtMs).toBeGreaterThanOrEqual(300);
  });

  test("whose moment came while there was no owner has waited for its debounce since then", async () => {
    const [due, soon] = [bench.later(HOUR_MS, { limits: debounced("31", 60_000) }), bench.later(HOUR_MS, { limits: debounced("32", 60_000) })];
    await bench.owner.enqueue([due, soon]);
    await bench.pool.query("UPDATE job_pending SET due_at = due_at - interval '1 minute' WHERE id = $1", [due.job.id]);
    bench.shiftMs = HOUR_MS + 1000;
    await bench.restart();
    bench.attach();
    await bench.finish(await bench.started(due.job.id), exitOf("succeeded"));
    await until("the other one waits, too", () => bench.owner.state.waiting.has(soon.job.id));
    const opensInMs = (bench.owner.state.limits.get("232")?.quiet?.opensAtMs ?? 0) - bench.clock.monotonicMs();
    expect(opensInMs).toBeGreaterThan(30_000);
    expect(opensInMs).toBeLessThan(59_500);
  });

  test("more of them with one limit than memory holds run one after the other", async () => {
    const jobs = Array.from({ length: 20 }, (_, at) => bench.later(HOUR_MS + at, { limits: one("4") }));
    await bench.owner.enqueue(jobs);
    bench.shiftMs = 2 * HOUR_MS;
    await bench.restart();
    const before = bench.assigned.length;
    bench.attach(10);
    for (let done = 0; done < jobs.length; done++) {
      await until(`job ${done + 1} is assigned`, () => bench.assigned.length > before + done);
      expect(bench.assigned.length).toBe(before + done + 1);
      const bundle = bench.assigned[before + done];
      if (bundle !== undefined) await bench.finish(bundle, exitOf("succeeded"));
    }
    expect(new Set(bench.assigned.slice(before).map((bundle) => bundle.jobId)).size).toBe(20);
  });
});

describe("a debounced job behind a change of the owner", () => {
  const opensInMs = (key: string): number => (bench.owner.state.limits.get(`2${key}`)?.quiet?.opensAtMs ?? 0) - bench.clock.monotonicMs();

  test("waits for the rest of its delay, and is replaced as ever", async () => {
    bench.attach();
    const came = (agoMs: number) => ({ dueAtMs: bench.clock.wallMs() - agoMs });
    const over = bench.job({ limits: debounced("33", 60_000), ...came(61_000) });
    const half = bench.job({ limits: debounced("34", 60_000), ...came(30_000) });
    const ahead = bench.job({ limits: debounced("35", 60_000), ...came(-5000) });
    await bench.owner.enqueue([over, half, ahead]);
    // This owner knows that they came just now.
    for (const key of ["33", "34", "35"]) expect(opensInMs(key)).toBeGreaterThan(58_000);
    await bench.restart();
    bench.attach();
    await bench.finish(await bench.started(over.job.id), exitOf("succeeded"));
    expect(opensInMs("34")).toBeGreaterThan(20_000);
    expect(opensInMs("34")).toBeLessThan(30_500);
    expect(opensInMs("35")).toBeGreaterThan(50_000);
    expect(opensInMs("35")).toBeLessThanOrEqual(60_000);
    await until("it is read back", () => bench.owner.state.waiting.has(half.job.id));
    const next = bench.job({ limits: debounced("34", 60_000) });
    await bench.owner.enqueue([next]);
    expect(await reasonOf(half.job.id)).toBe("cancelled");
    expect(opensInMs("34")).toBeGreaterThan(58_000);
    expect([...bench.owner.state.running.keys()]).toEqual([]);
  });

  test("that is tried again waits for the whole delay", async () => {
    bench.attach();
    const policy = policyOf({ retry: { max_attempts: 3, constant: { delay_s: 0 } } }, undefined);
    const made = bench.job({ policy, limits: debounced("36", 400) });
    await bench.owner.enqueue([made]);
    expect(await bench.finish(await bench.started(made.job.id), failure)).toBe("recorded");
    await bench.restart();
    const begunMs = bench.clock.monotonicMs();
    bench.attach();
    await until("the second attempt is assigned", () => bench.assigned.at(-1)?.attempt === 2);
    expect(bench.clock.monotonicMs() - begunMs).toBeGreaterThan(300);
    await bench.finish(await bench.started(made.job.id), exitOf("succeeded"));
  });
});

describe("a job with limits", () => {
  test("gives its permit back while it waits for its next attempt, and needs one for that", async () => {
    bench.attach();
    const policy = policyOf({ retry: { max_attempts: 3, constant: { delay_s: 0.2 } } }, undefined);
    const fails = bench.job({ policy, limits: one("5") });
    await bench.owner.enqueue([fails]);
    const first = await bench.started(fails.job.id);
    const other = bench.job({ limits: one("5") });
    await bench.owner.enqueue([other]);
    expect(await bench.finish(first, failure)).toBe("recorded");
    const bundle = await bench.started(other.job.id);
    await until("its next attempt waits", () => bench.owner.state.waiting.has(fails.job.id));
    expect(bench.owner.state.running.has(fails.job.id)).toBe(false);
    await bench.finish(bundle, exitOf("succeeded"));
    await until("the second attempt is assigned", () => bench.assigned.at(-1)?.attempt === 2);
    await bench.finish(await bench.started(fails.job.id), exitOf("succeeded"));
    expect(await bench.untilDone(fails.job.id)).toMatchObject({ attempt: 2 });
  });

  test("that expires while it waits for a permit leaves its place to the next", async () => {
    bench.attach();
    const holds = bench.job({ limits: one("6") });
    const expires = bench.job(
      { policy: policyOf({ queue_ttl_s: 1 }, undefined), limits: one("6") },
      { scheduledForMs: undefined, expiresAtMs: bench.clock.wallMs() + 100, key: undefined },
    );
    const next = bench.job({ limits: one("6") });
    await bench.owner.enqueue([holds, expires, next]);
    const bundle = await bench.started(holds.job.id);
    expect(await reasonOf(expires.job.id)).toBe("expired");
    await bench.finish(bundle, exitOf("succeeded"));
    await bench.finish(await bench.started(next.job.id), exitOf("succeeded"));
    expect(bench.owner.state.limits.size).toBe(0);
  });

  test("that is refused keeps its key: the same request is the same job", async () => {
    bench.attach();
    const keyed = () =>
      bench.job(
        { limits: one("7", "cancel_newest") },
        { scheduledForMs: undefined, expiresAtMs: undefined, key: jobKey("run", "refused", 0, "body", bench.clock.wallMs() + HOUR_MS) },
      );
    const holds = bench.job({ limits: one("7") });
    await bench.owner.enqueue([holds]);
    const bundle = await bench.started(holds.job.id);
    const [first] = await bench.owner.enqueueOnce([keyed()]);
    if (first === undefined) throw new Error("it was accepted");
    expect(first.created).toBe(true);
    expect(await reasonOf(first.id)).toBe("cancelled");
    await bench.finish(bundle, exitOf("succeeded"));
    expect(await bench.owner.enqueueOnce([keyed()])).toEqual([{ id: first.id, created: false }]);
  });
});
