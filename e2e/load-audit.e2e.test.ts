import { afterAll, beforeAll, expect, test } from "vitest";
import type { SourcePlan } from "../loadtests/load/generator-messages.ts";
import { until } from "../loadtests/world/processes.ts";
import { Scope } from "../loadtests/world/scope.ts";
import { latenciesOf, runStage, type StageOptions, type StageResult } from "../loadtests/world/stage.ts";
import { NOOP_SCRIPT, World } from "../loadtests/world/world.ts";

/** The load tests' own promise: they notice what must not happen, on the real system. */
const scope = new Scope();
let world: World;
beforeAll(async () => {
  const env = { NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "" };
  world = await World.start(scope, { seed: 1, env });
  await world.workspaces(["audit"]);
});
afterAll(() => scope.close());

const JOBS = 200;

/** @param drainMs how long jobs may take that do not end */
function stage(during: NonNullable<StageOptions["during"]>, drainMs = 20_000): Promise<StageResult> {
  const source = { source: 0, target: { kind: "one", workspace: "audit" }, script: NOOP_SCRIPT, batch: 10, sleepMs: 5, forMs: 1000, seed: 1 } as const;
  const pace = { kind: "open", arrivals: { kind: "constant", perS: JOBS / 10 } } as const;
  const sources = ({ startUs }: { startUs: number }): SourcePlan[] => [{ ...source, pace, startUs }];
  return runStage({ world, agents: 3, slots: 10, warmUpMs: 0, measureMs: 1000, drainMs, sources, during });
}

test("a stage follows every job to its end and measures each from its intended start", async () => {
  const { audit, problems, seen, after, before } = await stage(() => Promise.resolve());
  expect(problems).toEqual([]);
  expect(audit).toMatchObject({ accepted: JOBS, ended: JOBS, lost: 0, twice: 0, startedAgain: 0 });
  expect(latenciesOf(seen).count).toBe(JOBS);
  expect(seen.sources[0]?.servedMs).toBeGreaterThan(0);
  expect(after.walBytes).toBeGreaterThan(before.walBytes);
  expect(after.controlPlaneS + after.postgresS).toBeGreaterThan(before.controlPlaneS + before.postgresS);
});

test("agents that stand still or crash cost time and no job", async () => {
  const { audit, problems } = await stage(async (_, simulator) => {
    await until("jobs end", () => simulator.ended > 20);
    simulator.slow(1, 300);
    simulator.crash(2);
  });
  expect(problems).toEqual([]);
  expect(audit).toMatchObject({ accepted: JOBS, ended: JOBS, lost: 0, twice: 0 });
});

test("a job that vanishes from the history fails the stage", async () => {
  const { problems } = await stage(async (_, simulator) => {
    await until("jobs end", () => simulator.ended > 20);
    await world.sql.query("DELETE FROM job_done WHERE id = (SELECT max(id::text)::uuid FROM job_done)");
  });
  expect(problems).toContain(`the history has ${JOBS - 1} jobs, but ${JOBS} were accepted`);
});

test("a running job that vanishes is told as lost", async () => {
  const { audit, problems } = await stage(async (_, simulator) => {
    await until("jobs end", () => simulator.ended > 20);
    await until(
      "a job is taken from those that run",
      async () => (await world.sql.query("DELETE FROM job_running WHERE id = (SELECT id FROM job_running LIMIT 1)")).rowCount === 1,
    );
  }, 3000);
  expect(audit.lost).toBe(1);
  expect(problems[0]).toBe(`1 of ${JOBS} acknowledged jobs were lost: they never ended`);
});
