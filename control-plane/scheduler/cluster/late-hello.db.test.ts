import { afterAll, beforeAll, expect, test } from "vitest";
import { exitOf } from "../../../kernel/exit.ts";
import { asAgentKey, asJobId, asSessionId, asToken, type JobId, type Token } from "../../../kernel/ids.ts";
import { OwnerBench } from "../testing/owner-bench.ts";

let bench: OwnerBench;
beforeAll(async () => {
  bench = await OwnerBench.open();
});
afterAll(() => bench.close());

const KEY = asAgentKey("1");
let sessions = 0;

/** As a peer link tells it. @returns what the agent must drop */
function attach(serial: number | undefined, held: ReadonlyMap<JobId, Token>): readonly { id: JobId; token: Token }[] {
  sessions += 1;
  const hello = { key: KEY, name: "a", session: asSessionId(`s${sessions}`), workspace: undefined, tags: ["default"], languages: ["bash"], slots: 10, held };
  return bench.local.agents.attach(bench, serial === undefined ? hello : { ...hello, serial });
}

/** `ending`: it goes back into the queue. */
const phaseOf = (id: JobId): string | undefined => bench.owner.state.running.get(id)?.phase;

test("a session that comes behind a newer one, as over a slow peer link, takes nothing away from it", async () => {
  attach(5, new Map());
  const { job } = bench.job();
  await bench.owner.enqueue([{ ...bench.job(), job }]);
  const bundle = await bench.started(job.id);
  const held = new Map([[asJobId(bundle.jobId), asToken(bundle.token)]]);
  // The newer session names the attempt; the one that was given up before it was assigned does not.
  expect(attach(6, held)).toEqual([]);
  const session = bench.owner.state.agents.get(KEY)?.session;
  expect(attach(5, new Map())).toEqual([]);
  expect(bench.owner.state.agents.get(KEY)?.session).toBe(session);
  expect(phaseOf(job.id)).toBe("started");
  expect(await bench.finish(bundle, exitOf("succeeded"))).toBe("recorded");
});

test("also when the newer one has gone meanwhile; the next one counts again", async () => {
  attach(7, new Map());
  const made = bench.job();
  await bench.owner.enqueue([made]);
  const bundle = await bench.started(made.job.id);
  bench.local.agents.detach(KEY, asSessionId(`s${sessions}`), performance.now());
  attach(6, new Map());
  expect(bench.owner.state.agents.get(KEY)?.session).toBeUndefined();
  expect(phaseOf(made.job.id)).toBe("started");
  attach(8, new Map([[made.job.id, asToken(bundle.token)]]));
  expect(await bench.finish(bundle, exitOf("succeeded"))).toBe("recorded");
});

test("a replica of the version before, which does not count, is heard as ever: without its attempt the agent has lost it", async () => {
  attach(9, new Map());
  const made = bench.job();
  await bench.owner.enqueue([made]);
  await bench.started(made.job.id);
  attach(undefined, new Map());
  expect(phaseOf(made.job.id)).toBe("ending");
});
