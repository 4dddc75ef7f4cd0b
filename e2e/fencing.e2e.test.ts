import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, type TestContext, test } from "vitest";
import { ExitReason } from "../proto/gen/millrace/agent/v1/job.ts";
import { Verdict } from "../proto/gen/millrace/agent/v1/session.ts";
import { IN_TURN, job, run, startWorld, until, untilEnded, type World } from "./harness.ts";
import { RawAgent } from "./raw-agent.ts";

/** An agent that ends with the test. */
const raw = ({ onTestFinished }: TestContext, of: World, hello?: ConstructorParameters<typeof RawAgent>[2], token = of.credentials.agent_token): RawAgent => {
  const agent = new RawAgent(`127.0.0.1:${of.grpcPort}`, token, hello);
  onTestFinished(() => agent.close());
  return agent;
};
/** Leases of three seconds instead of half a minute: the same code, with a tenth of the times. */
const shortLeases = { MILLRACE_KEEPALIVE_MS: "300", MILLRACE_SUSPECT_MS: "1000", MILLRACE_SELF_FENCE_MS: "2000", MILLRACE_RECLAIM_MS: "3000" };
const echo = { code: { language: "bash", content: "echo '\"from the valid attempt\"'" } };

function finished(jobId: string, token: string, resultJson = '"from the stale attempt"') {
  const exit = { reason: ExitReason.EXIT_REASON_SUCCEEDED, code: 0, signal: "", message: "" };
  return { jobId, token, exit, resultJson, startedAtUs: Date.now() * 1000, finishedAtUs: Date.now() * 1000, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
}

async function verdictOf(agent: RawAgent, token: string): Promise<number | undefined> {
  await until("the end is answered", async () => agent.frames.some((frame) => frame.finishedAcks.some((ack) => ack.token === token)));
  return agent.frames.flatMap((frame) => frame.finishedAcks).find((ack) => ack.token === token)?.verdict;
}

// Two worlds side by side, each with tests that come one after the other; agents of tests before do not take their jobs, which have other tags.
describe.concurrent("fencing", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld({ env: shortLeases });
  });
  afterAll(() => world.close());

  test("an attempt that was held past its lease and then finished is refused; the job ends by the valid one", IN_TURN, async (context) => {
    const agentId = randomUUID();
    const stale = raw(context, world, { agentId });
    const { id } = await run(world, echo);
    const { token } = await stale.assigned();
    stale.send({ received: [{ jobId: id, token }] });
    // Silent from here on: the lease runs out, the job goes to another agent.
    await until("the job was taken away", async () => (await job(world, id)).status === "queued");
    await world.startAgent("valid");
    expect(await untilEnded(world, id)).toMatchObject({ status: "succeeded", attempt: 2, agent: "valid" });
    const back = raw(context, world, { agentId, held: [{ jobId: id, token }] });
    await until("the agent is welcome again", async () => back.frames.some((frame) => frame.welcome !== undefined));
    expect(back.frames.flatMap((frame) => frame.welcome?.drop ?? [])).toEqual([{ jobId: id, token }]);
    back.send({ finished: [finished(id, token)] });
    expect(await verdictOf(back, token)).toBe(Verdict.VERDICT_STALE);
    expect((await world.api("GET", `/jobs/${id}/result`)).body).toBe("from the valid attempt");
  });

  test("while the second attempt runs, the first one's result is refused too", IN_TURN, async (context) => {
    const hello = { tags: ["alone"] };
    const agentId = randomUUID();
    const first = raw(context, world, { ...hello, agentId });
    const { id } = await run(world, { ...echo, tag: "alone" });
    const { token } = await first.assigned();
    await until("the job was taken away", async () => (await job(world, id)).status === "queued");
    const second = raw(context, world, hello);
    const { token: valid } = await second.assigned();
    const back = raw(context, world, { ...hello, agentId });
    await until("the first agent is back", async () => back.frames.some((frame) => frame.welcome !== undefined));
    back.send({ finished: [finished(id, token)] });
    expect(await verdictOf(back, token)).toBe(Verdict.VERDICT_STALE);
    // Nor may one agent end what another runs, even if it knows the token.
    back.send({ finished: [finished(id, valid)] });
    expect(await verdictOf(back, valid)).toBe(Verdict.VERDICT_STALE);
    second.send({ finished: [finished(id, valid, '"valid"')] });
    expect(await verdictOf(second, valid)).toBe(Verdict.VERDICT_RECORDED);
    // A resent end is acknowledged again and changes nothing.
    const resends = second.frames.length;
    second.send({ finished: [finished(id, valid, '"again"')] });
    await until("the resent end is answered", async () => second.frames.slice(resends).some((frame) => frame.finishedAcks.length > 0));
    expect(second.frames.slice(resends).flatMap((frame) => frame.finishedAcks)[0]?.verdict).toBe(Verdict.VERDICT_RECORDED);
    expect((await world.api("GET", `/jobs/${id}/result`)).body).toBe("valid");
  });
});

describe.concurrent("sessions", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
  });
  afterAll(() => world.close());

  test("a Hello that arrives behind a newer one of its agent is refused, and takes nothing from the newer session", IN_TURN, async (context) => {
    const of = { agentId: randomUUID(), tags: ["late"] };
    const before = raw(context, world, { ...of, start: 1, dial: 1 });
    const { id } = await run(world, { ...echo, tag: "late" });
    const { token } = await before.assigned();
    before.send({ received: [{ jobId: id, token }] });
    const now = raw(context, world, { ...of, start: 1, dial: 3, held: [{ jobId: id, token }] });
    await until("the newer one is welcome", async () => now.frames.some((frame) => frame.welcome !== undefined));
    // It does not name the attempt: as the newer one it would have lost it.
    const late = raw(context, world, { ...of, start: 1, dial: 2 });
    await until("the late one is refused", async () => late.error !== undefined);
    expect(late.error).toMatchObject({ code: 14, details: "a newer connection of this agent came first" });
    expect(await job(world, id)).toMatchObject({ status: "running", attempt: 1 });
    now.send({ finished: [finished(id, token, '"of the newer session"')] });
    expect(await verdictOf(now, token)).toBe(Verdict.VERDICT_RECORDED);
    expect(now.error).toBeUndefined();
    // The agent has started again, and counts its streams from one.
    const restarted = raw(context, world, { ...of, start: 2, dial: 1 });
    await until("the restarted one is welcome", async () => restarted.frames.some((frame) => frame.welcome !== undefined));
    await until("the session before has ended", async () => now.error !== undefined);
  });

  test("an assignment that is never confirmed is sent again with the same token", IN_TURN, async (context) => {
    const agent = raw(context, world, { tags: ["unconfirmed"] });
    const { id } = await run(world, { ...echo, tag: "unconfirmed" });
    const { token } = await agent.assigned();
    const alive = setInterval(() => agent.send({ keepalive: { sentAtMs: 1, held: [] } }), 1000);
    await until("it is sent again", async () => agent.frames.flatMap((frame) => frame.assign).length >= 2);
    clearInterval(alive);
    expect(agent.frames.flatMap((frame) => frame.assign).map((bundle) => [bundle.jobId, bundle.token])).toEqual([
      [id, token],
      [id, token],
    ]);
  });

  test("an agent of an unknown protocol version is refused with both versions named", IN_TURN, async (context) => {
    const agent = raw(context, world, { protocolVersion: 99 });
    await until("it is refused", async () => agent.error !== undefined);
    expect(agent.error).toMatchObject({
      code: 9,
      details: expect.stringMatching(/speaks protocol 99, this control plane speaks 1 to 1: upgrade the control plane/),
    });
  });

  test("a wrong token and a token that is not an agent's are refused", IN_TURN, async (context) => {
    const wrong = raw(context, world, {}, "mr_agt_000000000000_00000000000000000000000000000000_000000");
    const user = raw(context, world, {}, world.credentials.token);
    await until("both are refused", async () => wrong.error !== undefined && user.error !== undefined);
    expect([wrong.error?.code, user.error?.code]).toEqual([16, 7]);
  });

  test("frames that make no sense do not hurt: the session and the server go on", IN_TURN, async (context) => {
    const agent = raw(context, world);
    await until("it is welcome", async () => agent.frames.length > 0);
    agent.send({
      received: [{ jobId: "nonsense", token: "x" }],
      started: [{ jobId: "", token: "-1", atUs: 2 ** 52 }],
      finished: [finished("nonsense", "1"), finished("01a20000-36dd-7000-aeb1-1bbad5bb6980", "77")],
      logChunks: [
        {
          jobId: "01a20000-36dd-7000-aeb1-1bbad5bb6980",
          token: "77",
          seq: 0,
          offsetBytes: 0,
          sizeBytes: 5,
          atUs: 0,
          encoding: 1,
          data: Buffer.from("hello"),
          segments: [5 * 4],
          lines: 0,
        },
      ],
      capacity: { slots: 4_000_000_000, draining: false },
    });
    await until("the unknown log is dropped", async () => agent.frames.some((frame) => frame.logAcks.some((ack) => ack.drop)));
    expect(await verdictOf(agent, "77")).toBe(Verdict.VERDICT_STALE);
    const listed = async (): Promise<{ slots: number }[]> => (await world.api<{ agents: { slots: number }[] }>("GET", "/agents")).body.agents;
    await until("its capacity is the most that there may be", async () => (await listed()).some(({ slots }) => slots === 10_000));
  });

  test("a server that stops tells its agents to move before it ends their streams", IN_TURN, async (context) => {
    const agent = raw(context, world);
    await until("it is welcome", async () => agent.frames.length > 0);
    await world.server.kill("SIGTERM");
    await until("the stream has ended", async () => agent.error !== undefined);
    expect(agent.frames.map((frame) => frame.drain?.reason).filter((reason) => reason !== undefined)).toEqual(["the control plane is shutting down"]);
    expect(agent.error?.code).toBe(14);
    expect(world.server.child.exitCode).toBe(0);
  });
});
