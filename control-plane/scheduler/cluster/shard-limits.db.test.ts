import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { exitOf } from "../../../kernel/exit.ts";
import { shardOf } from "../../jobs/model.ts";
import { writeWorkspaceLimits } from "../../workspaces/workspace-limit-store.ts";
import type { JobLimits } from "../core/limit-model.ts";
import { OwnerBench, until, WORKSPACE } from "../testing/owner-bench.ts";
import { ownerPort } from "./local-owner.ts";

/** Limits, weights and caps go with the shard of their workspace, and come back with it. */
const MOVING = shardOf(WORKSPACE);
const succeeded = exitOf("succeeded");

let bench: OwnerBench;
beforeAll(async () => {
  bench = await OwnerBench.open();
});
afterAll(() => bench.close());
afterEach(async () => {
  await writeWorkspaceLimits(bench.pool, WORKSPACE, { weight: 1, maxRunning: undefined }, "test");
  await bench.pool.query("TRUNCATE job_pending, job_running");
  bench.forget();
  await bench.restart();
});

const one = (key: string): JobLimits => ({ group: `9${key}`, specs: [{ kind: "running", id: `1${key}`, key, strategy: "queue", max: 1 }] });
const hourly = (key: string): JobLimits => ({
  group: `8${key}`,
  specs: [{ kind: "rate", id: `2${key}`, key, strategy: "queue", starts: 1, windowMs: 3_600_000 }],
});
const movedAndBack = async (): Promise<void> => {
  await bench.share(MOVING);
  expect([bench.owner.state.limits.size, bench.owner.state.tenants.has(WORKSPACE)]).toEqual([0, false]);
  await bench.unshare(MOVING);
};
/** Rows of the group are read and looked at. */
const untilRead = (count: number): Promise<void> => until("the rows are read", () => bench.owner.state.waiting.size === count);

test("a permit is held by the attempt that runs, wherever its shard is", async () => {
  bench.attach();
  const [first, second] = [bench.job({ limits: one("1") }), bench.job({ limits: one("1") })];
  await bench.owner.enqueue([first, second]);
  const bundle = await bench.started(first.job.id);
  await movedAndBack();
  await untilRead(1);
  bench.owner.tick();
  const port = ownerPort(bench.local, bench, bench.clock);
  await until("it is known why it waits", async () => {
    const reason = await port.waitReason({ workspace: WORKSPACE, tag: "default", language: "bash", group: "91" });
    return reason?.code === "concurrency" && reason.running === 1;
  });
  expect(bench.owner.state.running.has(second.job.id)).toBe(false);
  expect(await bench.finish(bundle, succeeded)).toBe("recorded");
  await bench.finish(await bench.started(second.job.id), succeeded);
});

test("an end that could not be written while its shard was leaving frees its slot when it is handed in again after the shard came back", async () => {
  bench.attach();
  const made = bench.job();
  await bench.owner.enqueue([made]);
  const bundle = await bench.started(made.job.id);
  bench.local.shards.set([MOVING], "sealed");
  await expect(bench.finish(bundle, succeeded)).rejects.toMatchObject({ code: "unavailable" });
  bench.local.shards.set([MOVING], "owned");
  await movedAndBack();
  expect(await bench.finish(bundle, succeeded)).toBe("recorded");
  const { state } = bench.owner;
  expect([state.running.size, state.tenants.get(WORKSPACE)?.running ?? 0, [...state.agents.values()].map((agent) => agent.running.size)]).toEqual([0, 0, [0]]);
});

test("the starts of a window count, wherever its shard is", async () => {
  bench.attach();
  const [first, second] = [bench.job({ limits: hourly("2") }), bench.job({ limits: hourly("2") })];
  await bench.owner.enqueue([first, second]);
  await bench.finish(await bench.started(first.job.id), succeeded);
  await movedAndBack();
  await untilRead(1);
  const port = ownerPort(bench.local, bench, bench.clock);
  await until("it is known why it waits", async () => {
    const reason = await port.waitReason({ workspace: WORKSPACE, tag: "default", language: "bash", group: "82" });
    return reason?.code === "rate" && reason.opensInMs > 3_500_000;
  });
  expect(bench.owner.state.running.size).toBe(0);
});

test("the cap of a workspace is known before its first job is picked, also when it was known before and forgotten", async () => {
  await writeWorkspaceLimits(bench.pool, WORKSPACE, { weight: 2, maxRunning: 1 }, "test");
  await bench.owner.readWorkspaceLimits();
  bench.attach();
  const [first, second] = [bench.job(), bench.job()];
  await bench.owner.enqueue([first, second]);
  const bundle = await bench.started(first.job.id);
  await movedAndBack();
  await untilRead(1);
  const tenant = bench.owner.state.tenants.get(WORKSPACE);
  expect([tenant?.weight, tenant?.maxRunning, tenant?.permits]).toEqual([2, 1, 1]);
  bench.owner.tick();
  expect(bench.owner.state.running.has(second.job.id)).toBe(false);
  await bench.finish(bundle, succeeded);
  await bench.finish(await bench.started(second.job.id), succeeded);
});
