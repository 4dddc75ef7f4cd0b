import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT_REASONS, exitOf } from "../../kernel/exit.ts";
import { type AgentKey, asAgentKey, asJobId, asToken, type JobId, type Token } from "../../kernel/ids.ts";
import type { FinishVerdict } from "./agent-port.ts";
import { OwnerBench, until } from "./testing/owner-bench.ts";

const [AGENT, OTHER] = [asAgentKey("1"), asAgentKey("2")];

let bench: OwnerBench;
beforeAll(async () => {
  bench = await OwnerBench.open();
  bench.attach();
});
afterAll(() => bench.close());

function says(agent: AgentKey, id: JobId, token: Token): Promise<FinishVerdict> {
  const times = { startedAtMs: Date.now(), doneAtMs: Date.now(), runUs: 1, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
  return bench.owner.reports.finished(agent, { id, token, exit: exitOf("succeeded"), resultJson: '"a lie"', ...times });
}

/** The agent crashes, and comes back without what it had. */
function crash(): void {
  bench.detach();
  bench.forget();
  bench.attach();
}

const lostOf = async (id: JobId): Promise<unknown[]> => bench.rows("SELECT attempt, lost FROM job_running WHERE id = $1", id);
const attemptsOf = async (id: JobId): Promise<unknown[]> => bench.rows("SELECT attempt FROM job_attempt WHERE id = $1 ORDER BY attempt", id);

const resultOf = async (id: JobId): Promise<unknown[]> => bench.rows("SELECT result, agent_key::text FROM job_done WHERE id = $1", id);

test("an agent that has guessed a token is not believed before the claim of the attempt is committed", async () => {
  const { job, payload } = bench.job();
  const accepted = bench.owner.enqueue([{ job, payload, special: undefined }]);
  const running = bench.owner.state.running.get(job.id);
  if (running === undefined) throw new Error("it is assigned at once");
  bench.owner.reports.received(AGENT, job.id, running.token);
  bench.owner.reports.started(AGENT, job.id, running.token, Date.now());
  expect(running.phase).toBe("claiming");
  const verdict = says(AGENT, job.id, running.token);
  await accepted;
  expect(await verdict).toBe("stale");
  const bundle = await bench.started(job.id);
  expect(running.phase).toBe("started");
  expect(await bench.finish(bundle, exitOf("succeeded"))).toBe("recorded");
  expect(await resultOf(job.id)).toEqual([{ result: "1", agent_key: AGENT }]);
});

test("an end counts from the agent that has the attempt, for its job and under its token, and its repetition from that agent alone", async () => {
  const [made, stranger] = [bench.job(), bench.job()];
  await bench.owner.enqueue([made]);
  const bundle = await bench.started(made.job.id);
  const [id, token] = [asJobId(bundle.jobId), asToken(bundle.token)];
  const wrong: [AgentKey, JobId, Token][] = [
    [OTHER, id, token],
    [AGENT, stranger.job.id, token],
    [AGENT, id, asToken(String(BigInt(token) + 64n))],
  ];
  for (const lie of wrong) expect(await says(...lie)).toBe("stale");
  expect([bench.owner.state.running.get(id)?.phase, await resultOf(id)]).toEqual(["started", []]);
  expect(await bench.finish(bundle, exitOf("succeeded"))).toBe("recorded");
  for (const lie of wrong) expect(await says(...lie)).toBe("stale");
  expect(await says(AGENT, id, token)).toBe("recorded");
  expect(await resultOf(id)).toEqual([{ result: "1", agent_key: AGENT }]);
});

test("what is said of an attempt that is ending does not bring it back", async () => {
  const { job, payload } = bench.job();
  await bench.owner.enqueue([{ job, payload, special: undefined }]);
  const bundle = await bench.started(job.id);
  const running = bench.owner.state.running.get(job.id);
  const verdict = bench.finish(bundle, exitOf("succeeded"));
  bench.owner.reports.received(AGENT, job.id, asToken(bundle.token));
  bench.owner.reports.started(AGENT, job.id, asToken(bundle.token), Date.now());
  expect(running?.phase).toBe("ending");
  expect(await verdict).toBe("recorded");
});

test("an attempt that its agent never confirmed is not a lost one: its job may be given out as often as need be", async () => {
  const { job, payload } = bench.job();
  await bench.owner.enqueue([{ job, payload, special: undefined }]);
  for (let copies = 1; copies <= 4; copies++) {
    await until("it is assigned", () => bench.assigned.filter(({ jobId }) => jobId === job.id).length === copies);
    if (copies < 4) crash();
  }
  expect([await lostOf(job.id), await attemptsOf(job.id)]).toEqual([[{ attempt: 4, lost: 0 }], []]);
  expect(await bench.finish(await bench.started(job.id), exitOf("succeeded"))).toBe("recorded");
});

test("a job whose agents go away three times while they run it ends as lost: it may be what takes them down", async () => {
  const { job, payload } = bench.job();
  await bench.owner.enqueue([{ job, payload, special: undefined }]);
  for (let attempt = 1; attempt <= 3; attempt++) {
    await until("it is assigned", () => bench.assigned.some((bundle) => bundle.jobId === job.id && bundle.attempt === attempt));
    await bench.started(job.id);
    expect(await lostOf(job.id)).toEqual([{ attempt, lost: attempt - 1 }]);
    crash();
  }
  expect(await bench.untilDone(job.id)).toMatchObject({
    attempt: 3,
    exit_reason: EXIT_REASONS.indexOf("lost"),
    exit_message: "the agent went away during 3 attempts",
  });
  expect(await attemptsOf(job.id)).toEqual([{ attempt: 1 }, { attempt: 2 }]);
});

test("a lease whose loss a flush finds is told of once, and the owner starts anew", async () => {
  const { owner, epoch = 0 } = bench;
  await bench.pool.query("UPDATE replica_lease SET epoch = nextval('owner_epoch') WHERE name = 'bench'");
  await expect(owner.enqueue([bench.job()])).rejects.toMatchObject({ code: "unavailable" });
  await until("there is another owner", () => (bench.epoch ?? 0) > epoch);
  expect(bench.warnings.filter((event) => event === "lease.lost")).toEqual(["lease.lost"]);
});
