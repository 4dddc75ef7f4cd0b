import { afterAll, beforeAll, expect, test } from "vitest";
import { exitOf } from "../../../kernel/exit.ts";
import { asWorkspaceId } from "../../../kernel/ids.ts";
import { jobKey } from "../../jobs/idempotency-key.ts";
import { SHARDS, shardOf } from "../../jobs/model.ts";
import { OwnerBench, until, WORKSPACE } from "../testing/owner-bench.ts";
import { ownerPort } from "./local-owner.ts";

const HOUR_MS = 3_600_000;
const EXPIRED = 14;
const MOVING = shardOf(WORKSPACE);
/** A workspace whose shard stays. */
const STAYS = asWorkspaceId("2");
const staying = { workspace: STAYS, shard: shardOf(STAYS) };

let bench: OwnerBench;
beforeAll(async () => {
  expect([MOVING >= SHARDS / 2, staying.shard < SHARDS / 2]).toEqual([true, true]);
  bench = await OwnerBench.open();
  await bench.pool.query("INSERT INTO workspace (name) VALUES ('two')");
});
afterAll(() => bench.close());

const isPending = async (id: string): Promise<boolean> => (await bench.rows("SELECT 1 FROM job_pending WHERE id = $1", id)).length === 1;

test("moments go with their shard: nothing comes of them here any more, and they are back when it comes back", async () => {
  bench.attach();
  const [near, far, last] = [bench.later(30_000), bench.later(HOUR_MS), bench.later(HOUR_MS + 1, staying)];
  const special = { scheduledForMs: undefined, expiresAtMs: bench.clock.wallMs() + 30_000, key: undefined };
  const expiring = bench.job({ tag: "nobody" }, special);
  await bench.owner.enqueue([near, far, expiring]);
  await bench.owner.enqueue([last]);
  await bench.share(MOVING);
  bench.shiftMs = HOUR_MS + 1000;
  await bench.finish(await bench.started(last.job.id), exitOf("succeeded"));
  for (const { job } of [near, far, expiring]) expect(await isPending(job.id)).toBe(true);
  expect(bench.owner.state.waiting.size).toBe(0);
  await bench.unshare(MOVING);
  for (const { job } of [near, far]) await bench.finish(await bench.started(job.id), exitOf("succeeded"));
  expect(await bench.untilDone(expiring.job.id)).toMatchObject({ exit_reason: EXPIRED, attempt: 0 });
});

test("a cancellation that another owner has noted reaches the agent, though it stayed connected", async () => {
  bench.attach();
  const made = bench.job();
  await bench.owner.enqueue([made]);
  await bench.started(made.job.id);
  await bench.share(MOVING);
  await bench.pool.query("UPDATE job_running SET cancel_reason = 'enough' WHERE id = $1", [made.job.id]);
  const before = bench.told.length;
  await bench.unshare(MOVING);
  await until("the agent is told", () => bench.told.length > before);
  expect(bench.told[before]).toMatchObject({ id: made.job.id, reason: "enough", fenced: false });
});

test("a cancellation is not acknowledged by an owner that was taken over: the next one may have read the rows before", async () => {
  bench.attach();
  const made = bench.job();
  await bench.owner.enqueue([made]);
  await bench.started(made.job.id);
  await bench.pool.query("UPDATE replica_lease SET epoch = nextval('owner_epoch') WHERE name = 'bench'");
  await expect(bench.owner.cancel(made.job, "enough")).rejects.toMatchObject({ code: "unavailable" });
  expect(await bench.rows("SELECT cancel_reason FROM job_running WHERE id = $1", made.job.id)).toEqual([{ cancel_reason: null }]);
  await bench.restart();
});

test("a request with a key that is looked up while its shard is given away is to be asked elsewhere, and leaves nothing behind", async () => {
  const port = ownerPort(bench.local, bench, bench.clock);
  const keyed = (): ReturnType<OwnerBench["job"]> =>
    bench.job({}, { scheduledForMs: undefined, expiresAtMs: undefined, key: jobKey("run", "k", 0, "", bench.clock.wallMs() + HOUR_MS) });
  const jobs = [keyed(), keyed()];
  const asked = jobs.map((job) => port.enqueue([job]));
  bench.local.shards.set([MOVING], "sealed");
  expect(await Promise.all(asked)).toEqual(["moved", "moved"]);
  for (const { job } of jobs) expect(await isPending(job.id)).toBe(false);
  bench.local.shards.set([MOVING], "owned");
  const [again, after] = [keyed(), keyed()];
  expect(await port.enqueue([again])).toEqual([{ id: again.job.id, created: true }]);
  expect(await port.enqueue([after])).toEqual([{ id: again.job.id, created: false }]);
});
