import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asToken } from "../../kernel/ids.ts";
import { jobKey } from "../jobs/idempotency-key.ts";
import { policyOf } from "../jobs/policy-codec.ts";
import { OwnerBench, until, WORKSPACE } from "./testing/owner-bench.ts";

const HOUR_MS = 3_600_000;
/** Positions in EXIT_REASONS. */
const [SUCCEEDED, EXIT_CODE, TIMEOUT, CANCELLED, LOST, EXPIRED] = [0, 1, 3, 4, 12, 14];
const failure = exitOf("exit_code", "it broke", { code: 3 });

let bench: OwnerBench;
beforeAll(async () => {
  bench = await OwnerBench.open(4);
});
afterAll(() => bench.close());
beforeEach(async () => {
  bench.forget();
  bench.shiftMs = 0;
  await bench.restart(() => bench.pool.query("TRUNCATE job_pending, job_running"));
});

const placeOf = async (id: string): Promise<string[]> =>
  (
    await bench.rows<{ place: string }>(
      "SELECT 'pending' AS place FROM job_pending WHERE id = $1 UNION ALL SELECT 'running' FROM job_running WHERE id = $1 UNION ALL SELECT 'done' FROM job_done WHERE id = $1",
      id,
    )
  ).map((row) => row.place);

/** Half of what the ticker of the owner would take; less is a matter of how busy the machine is between two looks. */
const PROMPT_MS = 500;

/** When a timer of this process for a moment comes: where the machine is busy all of them are late, the owner's too. */
const timerAt = (atMs: number): Promise<number> => new Promise((resolve) => setTimeout(() => resolve(bench.clock.wallMs()), atMs - bench.clock.wallMs()));

describe("a job that waits for a moment", () => {
  test("writes nothing and is in no queue until then, and starts within milliseconds of it", async () => {
    bench.attach();
    const soon = bench.later(150);
    const timer = timerAt(soon.job.dueAtMs);
    await bench.owner.enqueue([soon]);
    const flushes = bench.flushes;
    expect(bench.owner.state.waiting.size).toBe(0);
    expect([...bench.owner.state.routes.values()].reduce((sum, route) => sum + route.waiting, 0)).toBe(0);
    await until("its moment has come", () => bench.owner.state.running.has(soon.job.id));
    expect(bench.clock.wallMs()).toBeGreaterThanOrEqual(soon.job.dueAtMs);
    expect(bench.clock.wallMs() - (await timer)).toBeLessThan(PROMPT_MS);
    expect(bench.flushes - flushes).toBeLessThanOrEqual(1);
    expect((await bench.started(soon.job.id)).attempt).toBe(1);
  });

  test("far ahead it is in the database alone; after a take-over it comes in its time, also when that has passed meanwhile", async () => {
    const months = bench.later(90 * 24 * HOUR_MS);
    const hour = bench.later(HOUR_MS);
    await bench.owner.enqueue([months, hour]);
    bench.shiftMs = 2 * HOUR_MS;
    await bench.restart();
    bench.attach();
    await bench.finish(await bench.started(hour.job.id), exitOf("succeeded"));
    expect(await placeOf(months.job.id)).toEqual(["pending"]);
    bench.shiftMs = 90 * 24 * HOUR_MS + 1000;
    bench.owner.tick();
    await bench.started(months.job.id);
  });

  test("a wall clock that is set back delays it and loses nothing", async () => {
    bench.attach();
    const job = bench.later(200);
    await bench.owner.enqueue([job]);
    bench.shiftMs = -HOUR_MS;
    bench.owner.tick();
    expect(await placeOf(job.job.id)).toEqual(["pending"]);
    await bench.restart();
    expect([...bench.owner.state.routes.values()].reduce((sum, route) => sum + route.waiting, 0)).toBe(0);
    bench.attach();
    bench.shiftMs = 1000;
    bench.owner.tick();
    await bench.started(job.job.id);
  });

  test("more of them at one moment than memory holds all run, in the order of priority and time", async () => {
    const jobs = Array.from({ length: 60 }, (_, at) => bench.later(HOUR_MS + at, { prio: at % 3 === 0 ? 9 : 4 }));
    const far = Array.from({ length: 5 }, () => bench.later(10 * HOUR_MS, { prio: 4 }));
    await bench.owner.enqueue([...jobs, ...far]);
    bench.shiftMs = 2 * HOUR_MS;
    await bench.restart();
    // Before the agent comes all of them are due, most of them only in the database.
    await until("all are counted", () => [...bench.owner.state.routes.values()].reduce((sum, route) => sum + route.waiting, 0) >= 60);
    const before = bench.assigned.length;
    bench.attach(1);
    for (let done = 0; done < 60; done++) {
      await until(`job ${done + 1} is assigned`, () => bench.assigned.length > before + done);
      const bundle = bench.assigned[before + done];
      if (bundle !== undefined) await bench.finish(bundle, exitOf("succeeded"));
    }
    const order = bench.assigned.slice(before).map((bundle) => jobs.findIndex(({ job }) => job.id === bundle.jobId));
    expect(new Set(order).size).toBe(60);
    const urgent = jobs.flatMap(({ job }, at) => (job.prio === 4 ? at : []));
    expect(order.slice(0, urgent.length)).toEqual(urgent);
    expect((await bench.rows("SELECT 1 FROM job_pending")).length).toBe(5);
  });
});

describe("retries", () => {
  const retrying = (fields: Partial<Parameters<typeof policyOf>[0]["retry"]> = {}) =>
    bench.job({ policy: policyOf({ retry: { max_attempts: 3, constant: { delay_s: 0.05 }, ...fields } }, undefined) });

  test("a failed attempt waits and is tried again; its end is kept beside the job's", async () => {
    bench.attach();
    const made = retrying();
    await bench.owner.enqueue([made]);
    const { id } = made.job;
    const first = await bench.started(id);
    expect(await bench.finish(first, failure)).toBe("recorded");
    await until("the next attempt is assigned", () => bench.assigned.at(-1)?.attempt === 2);
    const second = await bench.started(id);
    expect(second.token).not.toBe(first.token);
    // The acknowledgement of the first was lost: it is told apart from a stale one.
    expect(await bench.finish(first, failure)).toBe("recorded");
    expect(await bench.finish({ ...first, token: asToken("12345") }, failure)).toBe("stale");
    expect(await bench.finish(second, exitOf("succeeded"))).toBe("recorded");
    expect(await bench.untilDone(id)).toMatchObject({ exit_reason: SUCCEEDED, attempt: 2 });
    expect(await bench.rows("SELECT attempt, exit_reason, exit_code, exit_message, token::text FROM job_attempt WHERE id = $1", id)).toEqual([
      { attempt: 1, exit_reason: EXIT_CODE, exit_code: 3, exit_message: "it broke", token: first.token },
    ]);
  });

  test("after the last attempt the failure stands; the count survives a change of the owner, and lost attempts are not in it", async () => {
    bench.attach();
    const made = retrying({ max_attempts: 2, constant: { delay_s: 0 } });
    await bench.owner.enqueue([made]);
    const { id } = made.job;
    await bench.finish(await bench.started(id), failure);
    await until("the second attempt is assigned", () => bench.assigned.at(-1)?.attempt === 2);
    const lost = await bench.started(id);
    bench.detach();
    bench.forget();
    await bench.restart();
    bench.attach();
    await until("the lost attempt is made up for", () => bench.assigned.at(-1)?.attempt === 3);
    expect(await bench.finish(lost, exitOf("succeeded"))).toBe("stale");
    await bench.finish(await bench.started(id), exitOf("timeout"));
    expect(await bench.untilDone(id)).toMatchObject({ exit_reason: TIMEOUT, attempt: 3 });
    expect(await bench.rows("SELECT attempt, exit_reason FROM job_attempt WHERE id = $1 ORDER BY attempt", id)).toEqual([
      { attempt: 1, exit_reason: EXIT_CODE },
      { attempt: 2, exit_reason: LOST },
    ]);
  });

  test("a failure that the condition leaves out is not tried again, nor is a cancelled attempt", async () => {
    bench.attach();
    const [other, cancelled] = [retrying({ retry_if: { exit_codes: [75] } }), retrying()];
    await bench.owner.enqueue([other]);
    await bench.finish(await bench.started(other.job.id), failure);
    expect(await bench.untilDone(other.job.id)).toMatchObject({ exit_reason: EXIT_CODE, attempt: 1 });
    await bench.owner.enqueue([cancelled]);
    const bundle = await bench.started(cancelled.job.id);
    await bench.owner.cancel(cancelled.job, "enough");
    await bench.finish(bundle, failure);
    expect(await bench.untilDone(cancelled.job.id)).toMatchObject({ attempt: 1 });
  });

  test("when the end of an attempt cannot be kept, the job ends with it; a lost one goes back all the same", async () => {
    bench.attach();
    const [fails, lost] = [retrying(), bench.job()];
    await bench.owner.enqueue([fails, lost]);
    const [bundle] = [await bench.started(fails.job.id), await bench.started(lost.job.id)];
    await bench.pool.query("ALTER TABLE job_attempt ADD CONSTRAINT refuses CHECK (false) NOT VALID");
    try {
      expect(await bench.finish(bundle, failure)).toBe("recorded");
      expect(await bench.untilDone(fails.job.id)).toMatchObject({ exit_reason: EXIT_CODE, attempt: 1 });
      bench.detach();
      bench.forget();
      bench.attach();
      await until("the lost attempt is made up for", () => bench.assigned.at(-1)?.attempt === 2);
    } finally {
      await bench.pool.query("ALTER TABLE job_attempt DROP CONSTRAINT refuses");
    }
  });

  test("one that waits for its next attempt can be cancelled, also after a take-over", async () => {
    bench.attach();
    const jobs = [retrying({ constant: { delay_s: 600 } }), retrying({ constant: { delay_s: 600 } })];
    await bench.owner.enqueue(jobs);
    for (const { job } of jobs) await bench.finish(await bench.started(job.id), failure);
    const [first, second] = jobs;
    if (first === undefined || second === undefined) throw new Error("there are two");
    expect(await bench.owner.cancel(first.job, "enough")).toBe("cancelled");
    await bench.restart();
    expect(await bench.owner.cancel(second.job, "enough")).toBe("cancelled");
    for (const { job } of jobs) expect(await bench.untilDone(job.id)).toMatchObject({ exit_reason: CANCELLED, exit_message: "enough", attempt: 1 });
  });
});

describe("queue TTL", () => {
  const expiring = (inMs: number, startMs = 0) => {
    const atMs = bench.clock.wallMs() + startMs;
    const scheduledForMs = startMs === 0 ? undefined : atMs;
    return bench.job(
      { dueAtMs: atMs, policy: policyOf({ queue_ttl_s: 1 }, undefined) },
      { scheduledForMs, expiresAtMs: bench.clock.wallMs() + inMs, key: undefined },
    );
  };

  test("jobs that wait in memory, in the database alone and for a moment end as expired; one that runs goes on", async () => {
    bench.attach(1);
    const runs = expiring(HOUR_MS);
    await bench.owner.enqueue([runs]);
    const bundle = await bench.started(runs.job.id);
    const waiting = [...Array.from({ length: 20 }, () => expiring(HOUR_MS)), expiring(HOUR_MS, HOUR_MS / 2)];
    await bench.owner.enqueue(waiting);
    const lasting = bench.job();
    await bench.owner.enqueue([lasting]);
    bench.shiftMs = HOUR_MS + 1000;
    await bench.restart();
    for (const { job } of waiting) {
      expect(await bench.untilDone(job.id)).toEqual({ exit_reason: EXPIRED, attempt: 0, exit_message: "no attempt began within the job's queue TTL" });
    }
    bench.attach(1);
    expect(await bench.finish(bundle, exitOf("succeeded"))).toBe("recorded");
    await bench.started(lasting.job.id);
  });

  test("comes within milliseconds, and a job that began in time is never touched by it", async () => {
    const [begins, waits] = [expiring(60_000), expiring(120)];
    const expiresAtMs = waits.special?.expiresAtMs ?? 0;
    const timer = timerAt(expiresAtMs);
    await bench.owner.enqueue([begins, waits]);
    expect(await bench.untilDone(waits.job.id)).toMatchObject({ exit_reason: EXPIRED });
    const [row] = await bench.rows<{ done_ms: number }>(
      "SELECT (extract(epoch FROM done_at) * 1000)::float8 AS done_ms FROM job_done WHERE id = $1",
      waits.job.id,
    );
    expect(row?.done_ms).toBeGreaterThanOrEqual(expiresAtMs);
    expect((row?.done_ms ?? 0) - (await timer)).toBeLessThan(PROMPT_MS);
    bench.attach();
    const bundle = await bench.started(begins.job.id);
    bench.shiftMs = HOUR_MS;
    bench.owner.tick();
    expect(await bench.finish(bundle, exitOf("succeeded"))).toBe("recorded");
    expect(await bench.untilDone(begins.job.id)).toMatchObject({ exit_reason: SUCCEEDED });
  });
});

describe("cancel", () => {
  test("of a running job is not forgotten when the owner dies: the next one tells the agent", async () => {
    bench.attach();
    const made = bench.job();
    await bench.owner.enqueue([made]);
    await bench.started(made.job.id);
    expect(await bench.owner.cancel(made.job, "enough")).toBe("cancelling");
    await bench.restart();
    const before = bench.told.length;
    expect(bench.attach()).toEqual([]);
    expect(bench.told.slice(before)).toMatchObject([{ id: made.job.id, reason: "enough", fenced: false }]);
  });

  test("of a running job whose agent stays away ends it after the grace", async () => {
    bench.attach();
    const made = bench.job();
    await bench.owner.enqueue([made]);
    await bench.started(made.job.id);
    bench.detach();
    await bench.owner.cancel(made.job, "enough");
    await bench.restart();
    expect(await bench.untilDone(made.job.id)).toEqual({ exit_reason: CANCELLED, attempt: 1, exit_message: "enough" });
  });

  test("while the job is being assigned waits for that, and ends it before the agent hears of it", async () => {
    bench.attach();
    const made = bench.job();
    const accepted = bench.owner.enqueue([made]);
    expect(bench.owner.state.running.get(made.job.id)?.phase).toBe("claiming");
    expect(await bench.owner.cancel(made.job, "enough")).toBe("cancelled");
    await accepted;
    expect(bench.assigned.some((bundle) => bundle.jobId === made.job.id)).toBe(false);
    expect(await bench.untilDone(made.job.id)).toEqual({ exit_reason: CANCELLED, attempt: 1, exit_message: "enough" });
  });

  test("while the job goes back into the queue ends it there", async () => {
    bench.attach();
    const made = bench.job();
    await bench.owner.enqueue([made]);
    const bundle = await bench.started(made.job.id);
    const handedBack = bench.finish(bundle, exitOf("fenced", "drain"));
    bench.detach();
    expect(bench.owner.state.running.get(made.job.id)?.phase).toBe("ending");
    expect(await bench.owner.cancel(made.job, "enough")).toBe("cancelled");
    expect(await handedBack).toBe("recorded");
    expect(await placeOf(made.job.id)).toEqual(["done"]);
  });

  test("of a job that ends at the same time by itself says that it is gone", async () => {
    bench.attach();
    const made = bench.job();
    await bench.owner.enqueue([made]);
    const finished = bench.finish(await bench.started(made.job.id), exitOf("succeeded"));
    expect(await bench.owner.cancel(made.job, "too late")).toBe("gone");
    expect(await finished).toBe("recorded");
    expect(await bench.untilDone(made.job.id)).toMatchObject({ exit_reason: SUCCEEDED });
  });

  test("an agent that comes back while its attempt is being put back must drop it", async () => {
    bench.attach();
    const made = bench.job();
    await bench.owner.enqueue([made]);
    const bundle = await bench.started(made.job.id);
    bench.detach(70_000);
    bench.owner.tick();
    expect(bench.owner.state.running.get(made.job.id)?.phase).toBe("ending");
    expect(bench.attach()).toEqual([{ id: made.job.id, token: bundle.token }]);
  });
});

describe("idempotency keys", () => {
  const keyed = (text: string, body = "body", windowMs = HOUR_MS) =>
    bench.job({}, { scheduledForMs: undefined, expiresAtMs: undefined, key: jobKey("run", text, 0, body, bench.clock.wallMs() + windowMs) });

  test("the same request at the same time, later, and from another owner is one job", async () => {
    const together = await Promise.all(Array.from({ length: 20 }, () => bench.owner.enqueueOnce([keyed("a")])));
    const ids = new Set(together.flat().map((accepted) => accepted.id));
    expect(ids.size).toBe(1);
    expect(together.flat().filter((accepted) => accepted.created)).toHaveLength(1);
    await bench.restart();
    const [later] = await bench.owner.enqueueOnce([keyed("a")]);
    expect(later).toEqual({ id: [...ids][0], created: false });
    expect(await bench.rows("SELECT 1 FROM job_key WHERE id = $1", later?.id)).toHaveLength(1);
  });

  test("another request under the same key is refused, whether the first is under way or long accepted", async () => {
    const first = bench.owner.enqueueOnce([keyed("b")]);
    await expect(bench.owner.enqueueOnce([keyed("b", "other")])).rejects.toMatchObject({ code: "already_exists" });
    await first;
    await expect(bench.owner.enqueueOnce([keyed("b", "other")])).rejects.toMatchObject({ code: "already_exists" });
    // What comes with it in one request is not accepted either, and may come again.
    await expect(bench.owner.enqueueOnce([keyed("b2"), keyed("b", "other")])).rejects.toMatchObject({ code: "already_exists" });
    expect(await bench.owner.enqueueOnce([keyed("b2")])).toMatchObject([{ created: true }]);
  });

  test("one that is said to be new is not looked for in the tables, as long as that is true; one that is under way is found all the same", async () => {
    let isNew = true;
    const fresh = (): ReturnType<typeof keyed> => {
      const made = keyed("n");
      const key = made.special?.key;
      return { ...made, special: { scheduledForMs: undefined, expiresAtMs: undefined, key: key && { ...key, isNew: () => isNew } } };
    };
    const [first, second] = (await Promise.all([bench.owner.enqueueOnce([fresh()]), bench.owner.enqueueOnce([fresh()])])).flat();
    expect([first?.created, second]).toEqual([true, { id: first?.id, created: false }]);
    isNew = false;
    expect(await bench.owner.enqueueOnce([fresh()])).toEqual([{ id: first?.id, created: false }]);
    isNew = true;
    expect(await bench.owner.enqueueOnce([fresh()])).toMatchObject([{ created: true }]);
  });

  test("a key counts for its window and not longer", async () => {
    const [first] = await bench.owner.enqueueOnce([keyed("c", "body", 60_000)]);
    bench.shiftMs = 59_000;
    expect(await bench.owner.enqueueOnce([keyed("c")])).toEqual([{ id: first?.id, created: false }]);
    bench.shiftMs = 61_000;
    expect(await bench.owner.enqueueOnce([keyed("c", "other")])).toMatchObject([{ created: true }]);
  });

  test("a batch that was accepted in part is completed, and nothing of it comes twice", async () => {
    const batch = (count: number) => Array.from({ length: count }, (_, at) => keyed(`d${at}`));
    const part = await bench.owner.enqueueOnce(batch(3));
    const whole = await bench.owner.enqueueOnce(batch(5));
    expect(whole.map((accepted) => accepted.created)).toEqual([false, false, false, true, true]);
    expect(whole.slice(0, 3).map((accepted) => accepted.id)).toEqual(part.map((accepted) => accepted.id));
    const [{ count } = { count: -1 }] = await bench.rows<{ count: number }>(
      "SELECT count(*)::int AS count FROM job_pending WHERE workspace_id = $1",
      WORKSPACE,
    );
    expect(count).toBe(5);
  });

  test("the same key twice in one request is one job", async () => {
    const accepted = await bench.owner.enqueueOnce([keyed("e"), bench.job(), keyed("e")]);
    expect(accepted.map((job) => job.created)).toEqual([true, true, false]);
    expect(accepted[0]?.id).toBe(accepted[2]?.id);
  });
});
