import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asWorkspaceId } from "../../kernel/ids.ts";
import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import { shardOf } from "../jobs/model.ts";
import { OwnerBench, until } from "./testing/owner-bench.ts";

const SMALL = asWorkspaceId("2");
const SLOTS = 2;
/** The first runs are charged by a guess; so many of the flood end before a test begins that its account says what it uses. */
const WARM = 60;
const FLOOD = WARM + 60;
const ofSmall = { workspace: SMALL, shard: shardOf(SMALL) };

let bench: OwnerBench;
beforeAll(async () => {
  bench = await OwnerBench.open();
});
afterAll(() => bench.close());
beforeEach(async () => {
  bench.forget();
  bench.stillAtMs = undefined;
  await bench.restart(() => bench.pool.query("TRUNCATE job_pending, job_running"));
  bench.assigned.length = 0;
});

const rowsOf = async (table: "job_pending" | "job_running", id: string): Promise<number> =>
  (await bench.rows(`SELECT 1 FROM ${table} WHERE id = $1`, id)).length;

/** All slots run jobs of a flood, and the rest of it waits. @param moment when a slot became free the last time @returns those that run */
async function flood(moment: "at this moment" | "a while ago"): Promise<Bundle[]> {
  bench.attach(SLOTS);
  await bench.owner.enqueue(Array.from({ length: FLOOD }, () => bench.job()));
  await until("all slots are taken", () => bench.assigned.length === SLOTS);
  for (let ended = 0; ended < WARM; ended++) {
    if (ended === WARM - 1 && moment === "at this moment") bench.stillAtMs = performance.now();
    const [next] = bench.assigned.splice(0, 1);
    if (next === undefined) throw new Error("the flood must go on");
    await bench.finish(next, exitOf("succeeded"));
    await until("the next one runs", () => bench.assigned.length === SLOTS);
  }
  if (moment === "a while ago") bench.stillAtMs = performance.now() + 100;
  return [...bench.assigned];
}

describe("a new job of a small workspace beside a flood", () => {
  test("is held back until the next slot is free, and gets it with one commit", async () => {
    const [running] = await flood("at this moment");
    if (running === undefined) throw new Error("a job must run");
    const small = bench.job(ofSmall);
    const accepted = bench.owner.enqueue([small]);
    void bench.finish(running, exitOf("succeeded"));
    await accepted;
    expect([await rowsOf("job_pending", small.job.id), await rowsOf("job_running", small.job.id)]).toEqual([0, 1]);
    // It went past all that waited.
    await bench.started(small.job.id);
    expect(bench.assigned.at(-1)?.jobId).toBe(small.job.id);
  });

  test("waits in the database when no slot becomes free soon, and is next", async () => {
    const [running] = await flood("a while ago");
    if (running === undefined) throw new Error("a job must run");
    const small = bench.job(ofSmall);
    await bench.owner.enqueue([small]);
    expect([await rowsOf("job_pending", small.job.id), await rowsOf("job_running", small.job.id)]).toEqual([1, 0]);
    void bench.finish(running, exitOf("succeeded"));
    await bench.started(small.job.id);
    expect(bench.assigned).toHaveLength(SLOTS + 1);
  });

  test("waits there too when the slot does not come in time", async () => {
    await flood("at this moment");
    const small = bench.job(ofSmall);
    const accepted = bench.owner.enqueue([small]);
    bench.stillAtMs = performance.now() + 100;
    await accepted;
    expect([await rowsOf("job_pending", small.job.id), await rowsOf("job_running", small.job.id)]).toEqual([1, 0]);
  });

  test("keeps its place behind an earlier one of its workspace, and none is lost when many come", async () => {
    const [running] = await flood("at this moment");
    if (running === undefined) throw new Error("a job must run");
    void bench.finish(running, exitOf("succeeded"));
    const small = Array.from({ length: 100 }, () => bench.job(ofSmall));
    await bench.owner.enqueue(small);
    const known = await Promise.all(small.map(async ({ job }) => (await rowsOf("job_pending", job.id)) + (await rowsOf("job_running", job.id))));
    expect(known).toEqual(small.map(() => 1));
    // The flood's own turn comes in between: whatever runs ends, until five of the small workspace have begun.
    const isSmall = (bundle: Bundle): boolean => small.some(({ job }) => job.id === bundle.jobId);
    for (let at = 0; bench.assigned.filter(isSmall).length < 5; at++) {
      await until("the next one runs", () => bench.assigned.length > at);
      const bundle = bench.assigned[at];
      if (bundle !== undefined) await bench.finish(bundle, exitOf("succeeded"));
    }
    const order = bench.assigned.filter(isSmall).map((bundle) => bundle.jobId);
    expect(order).toEqual(small.slice(0, order.length).map(({ job }) => job.id));
  });

  test("is not held back any longer when one with limits comes behind it: both can be counted at once", async () => {
    await flood("at this moment");
    const limits = { group: "81", specs: [{ kind: "running", id: "11", key: "1", strategy: "queue", max: 1 }] } as const;
    const small = [bench.job(ofSmall), bench.job({ ...ofSmall, limits })];
    const waiting = (): number => [...bench.owner.state.routes.values()].reduce((sum, route) => sum + route.waiting, 0);
    const before = waiting();
    const accepted = bench.owner.enqueue(small);
    expect(waiting()).toBe(before + small.length);
    await accepted;
    for (const { job } of small) expect([await rowsOf("job_pending", job.id), await rowsOf("job_running", job.id)]).toEqual([1, 0]);
  });

  test("hears of the end of the owner", async () => {
    await flood("at this moment");
    const refused = expect(bench.owner.enqueue([bench.job(ofSmall)])).rejects.toThrow("shutting down");
    bench.owner.stop();
    await refused;
  });
});
