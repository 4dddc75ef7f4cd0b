import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asJobId, asToken } from "../../kernel/ids.ts";
import type { JobEnd, Write } from "../jobs/model.ts";
import { adoptRunning } from "./core/dispatch-core.ts";
import { FLOW_AGENT, FLOW_LANGUAGE, FLOW_TAG } from "./core/flow-agent.ts";
import type { RunningJob } from "./core/model.ts";
import type { FlowHost, FlowRunner } from "./flow-port.ts";
import { atMost, limitedBy, testJob } from "./testing/core-world.ts";
import { AGENT, OwnerDesk } from "./testing/owner-desk.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const FLOW = { tag: FLOW_TAG, language: FLOW_LANGUAGE };

/** An engine that does nothing but keep what it hears. */
class Engine implements FlowRunner {
  readonly heard: string[] = [];
  adopted: readonly RunningJob[] = [];
  takes: (write: Write) => boolean = () => false;
  host: FlowHost | undefined;

  takesBegin(_running: RunningJob, _payload: unknown, write: Write): boolean {
    this.heard.push("takes begin");
    return this.takes(write);
  }
  begin({ phase }: RunningJob): void {
    this.heard.push(`begins ${phase}`);
  }
  adopt(flows: readonly RunningJob[]): void {
    this.adopted = flows;
  }
  takesEnd(write: Write): boolean {
    this.heard.push("takes end");
    return this.takes(write);
  }
  cancel({ cancel }: RunningJob): void {
    this.heard.push(`cancelled: ${cancel?.reason}`);
  }
  lookForAnswers(): void {}
  due(): void {
    this.heard.push("due");
  }
  forget(): void {}
  stop(): void {}
}

function desk(): { bench: OwnerDesk; engine: Engine; host: FlowHost } {
  const engine = new Engine();
  const flows = (host: FlowHost): FlowRunner => Object.assign(engine, { host });
  const bench = new OwnerDesk({ flows });
  if (engine.host === undefined) throw new Error("the owner has made it");
  return { bench, engine, host: engine.host };
}

const endOf = ({ job, token }: RunningJob): JobEnd => ({
  id: job.id,
  workspace: job.workspace,
  token,
  exit: exitOf("succeeded"),
  resultJson: "1",
  startedAtMs: undefined,
  doneAtMs: 0,
  runUs: undefined,
  logChunks: 0,
  logBytes: 0,
  logDroppedBytes: 0,
});

test("a flow begins with its claim, on no agent; where the owner runs none it waits", async () => {
  const { bench, engine, host } = desk();
  const { id } = bench.put(FLOW);
  await bench.pass();
  expect(engine.heard).toEqual(["takes begin", "begins started"]);
  expect([bench.running(id).agent, bench.running(id).startedAtMs, bench.counted, bench.assigned]).toEqual([FLOW_AGENT, 1_000_000, ["dispatched"], []]);
  expect([host.running(id)?.job.id, host.flows().map(({ job }) => job.id)]).toEqual([id, [id]]);
  const other = new OwnerDesk();
  other.put(FLOW);
  await other.pass();
  expect(other.waiting).toBe(1);
});

test("the engine may take the writes of a flow's begin and of any end; jobs of agents begin without it", async () => {
  const { bench, engine } = desk();
  bench.connect(1);
  const job = await bench.started();
  expect(engine.heard).toEqual([]);
  const taken: Write[] = [];
  engine.takes = (write) => taken.push(write) > 0;
  bench.put(FLOW);
  void bench.finish(job);
  await bench.pass();
  expect([taken.map(({ operation }) => operation.kind), bench.written.length]).toEqual([["insert", "finish"], 1]);
  for (const { settle } of taken) settle("moved");
  await bench.pass();
  expect(engine.heard.at(-1)).toBe("begins started");
  engine.takes = () => false;
  await bench.finish(await bench.started());
  expect(bench.written.at(-1)?.kind).toBe("finish");
});

test("flows that come with their shards go on; one that is being claimed begins by itself", async () => {
  const { bench, engine } = desk();
  bench.holds = () => true;
  bench.put(FLOW);
  const agent = bench.state.agents.get(FLOW_AGENT);
  if (agent === undefined) throw new Error("flows are dispatched");
  const nowMs = bench.clock.monotonicMs();
  const running = adoptRunning(bench.state, agent, testJob("1", FLOW), asToken("64"), nowMs - 7000, nowMs);
  bench.owner.resume();
  expect(engine.adopted).toEqual([running]);
  expect([running.phase, running.startedAtMs]).toEqual(["started", Date.now() - 7000]);
  await bench.pass();
  bench.owner.resume();
  expect(running.startedAtMs).toBe(1_000_000 - 7000);
});

test("a flow whose time is over is cancelled once; others may take as long as they want", async () => {
  const { bench, engine } = desk();
  bench.put(FLOW);
  bench.put({ ...FLOW, timeoutMs: 2000 });
  await bench.pass(2500);
  expect(engine.heard.filter((what) => what.startsWith("cancelled"))).toEqual([]);
  await bench.pass(5000);
  expect(engine.heard.filter((what) => what.startsWith("cancelled"))).toEqual(["cancelled: the flow did not end within 2000 ms"]);
});

test("a flow's moment comes in its millisecond, and none when it is taken back or the flow has ended", async () => {
  const { bench, engine, host } = desk();
  const { id, made } = bench.put(FLOW);
  await bench.pass();
  const dues = (): number => engine.heard.filter((what) => what === "due").length;
  host.wakeAt(made.job, Date.now() + 50);
  await bench.pass(49);
  expect(dues()).toBe(0);
  await bench.pass(1);
  expect(dues()).toBe(1);
  host.wakeAt(made.job, Date.now() + 50);
  host.wakeAt(made.job, undefined);
  host.wakeAt(made.job, Date.now() + 50);
  host.ended(bench.running(id), endOf(bench.running(id)));
  await bench.pass(100);
  expect(dues()).toBe(1);
});

test("the end of a flow is told, and its place is free for the next one at once", async () => {
  const { bench, host } = desk();
  const [first, second] = [bench.put({ ...FLOW, ...limitedBy(atMost(1)) }), bench.put({ ...FLOW, ...limitedBy(atMost(1)) })];
  await bench.pass();
  expect(host.flows().map(({ job }) => job.id)).toEqual([first.id]);
  host.moved(first.made.job);
  const running = bench.running(first.id);
  host.ended(running, endOf(running));
  await bench.pass();
  expect(host.flows().map(({ job }) => job.id)).toEqual([second.id]);
  expect(bench.changes.filter((change) => change.startsWith(first.id))).toEqual(["running", "running", "ended"].map((change) => `${first.id} ${change}`));
});

test("the engine hears of the owner's shards alone, and its jobs go where it sends them", async () => {
  const { bench, host } = desk();
  bench.owns = (shard) => shard < 3;
  expect(host.shards()).toEqual([0, 1, 2]);
  const handed: string[] = [];
  const { made } = { made: { job: testJob("1"), payload: { kind: "inline", scriptHash: undefined, code: "", argsJson: "{}", createdBy: "" } as const } };
  host.arrive(
    made,
    () => undefined,
    ({ kind }) => void handed.push(kind),
  );
  expect([handed, bench.written]).toEqual([["insert"], []]);
});

test("an agent that is there is told that a run needs its folder no more", async () => {
  const { bench, host } = desk();
  bench.connect(1);
  const running = await bench.started();
  host.leaveFolder(running, AGENT);
  expect(bench.told).toEqual([{ id: running.job.id, token: running.token, reason: "the steps of the run do not need it any more", fenced: true }]);
  host.leaveFolder(running, asAgentKey("2"));
  bench.disconnect();
  host.leaveFolder(running, AGENT);
  expect([bench.told.length, host.running(asJobId("00000000-0000-7000-8000-ffffffffffff"))]).toEqual([1, undefined]);
});
