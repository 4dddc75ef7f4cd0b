import type pg from "pg";
import type { Db } from "../../control-plane/db/query-builder.ts";
import { lowestId } from "../../control-plane/housekeeping/partition-store.ts";
import type { JobStatus } from "../../control-plane/jobs/contract.ts";
import { listJobs } from "../../control-plane/jobs/job-list-store.ts";
import { readJobs } from "../../control-plane/jobs/job-store.ts";
import { asJobId, asWorkspaceId, type JobId } from "../../kernel/ids.ts";
import { SHAPE, scriptOf } from "./fill.ts";

const PAGE = 50;
const DAY_MS = 24 * 60 * 60 * 1000;

interface Question {
  readonly name: string;
  readonly workspace: keyof typeof SHAPE;
  readonly status?: JobStatus;
  readonly script?: number;
  /** Pages begin at a random moment of the history. */
  readonly anywhere?: boolean;
}

const QUESTIONS: readonly Question[] = [
  { name: "newest page", workspace: "big" },
  { name: "newest page", workspace: "onePerDay" },
  { name: "newest page", workspace: "oldestDay" },
  { name: "newest page", workspace: "empty" },
  { name: "any page", workspace: "big", anywhere: true },
  { name: "any page", workspace: "middle", anywhere: true },
  { name: "newest of a script", workspace: "big", script: 2 },
  { name: "any page of a script", workspace: "middle", script: 2, anywhere: true },
  { name: "rare script", workspace: "big", script: 9 },
  { name: "unused script", workspace: "big", script: 8 },
  { name: "failures", workspace: "big", status: "failed" },
  { name: "any page of failures", workspace: "big", status: "failed", anywhere: true },
  { name: "rare failures", workspace: "second", status: "failed" },
  { name: "no failures", workspace: "empty", status: "failed" },
  { name: "failures of a script", workspace: "big", status: "failed", script: 2 },
  { name: "failures of a rare script", workspace: "big", status: "failed", script: 9 },
  { name: "rare failures of a script", workspace: "second", status: "failed", script: 2 },
  { name: "succeeded", workspace: "big", status: "succeeded" },
  { name: "rare successes", workspace: "allFailed", status: "succeeded" },
  { name: "rare successes of a script", workspace: "allFailed", status: "succeeded", script: 2 },
  { name: "cancelled, of which there are none", workspace: "big", status: "cancelled" },
  { name: "queued", workspace: "big", status: "queued" },
  { name: "queued beside a long queue", workspace: "middle", status: "queued" },
  { name: "queued of a script", workspace: "middle", status: "queued", script: 2 },
  { name: "running", workspace: "big", status: "running" },
];

/** Milliseconds, sorted. */
type Times = number[];
const at = (times: Times, share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;

/** Asks each question `runs` times, one after the other, as the API asks it: the ids of a page, then its rows. */
export async function measureHistory(
  pool: pg.Pool,
  db: Db,
  workspaces: readonly string[],
  days: readonly number[],
  runs: number,
  say: (text: string) => void,
): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const report = (name: string, times: Times, found: number): void => {
    times.sort((a, b) => a - b);
    const row = { p50: at(times, 0.5), p99: at(times, 0.99), max: times.at(-1) ?? 0 };
    figures[`history ${name} p99 ms`] = Math.round(row.p99 * 100) / 100;
    say(`${name.padEnd(46)} p50 ${row.p50.toFixed(2)}  p99 ${row.p99.toFixed(2)}  max ${row.max.toFixed(2)} ms  (${found} jobs)`);
  };
  for (const question of QUESTIONS) {
    const { workspace, times, found } = await ask(pool, db, workspaces, days, runs, question);
    report(`${question.name} (${workspace})`, times, found);
  }
  const ids = await sampleIds(pool, workspaces[SHAPE.big] ?? "1", days, runs);
  const times: Times = [];
  for (const id of ids) {
    const begun = performance.now();
    await readJobs(pool, asWorkspaceId(workspaces[SHAPE.big] ?? "1"), [id]);
    times.push(performance.now() - begun);
  }
  report("by id", times, ids.length);
  return figures;
}

async function ask(
  pool: pg.Pool,
  db: Db,
  workspaces: readonly string[],
  days: readonly number[],
  runs: number,
  question: Question,
): Promise<{ workspace: string; times: Times; found: number }> {
  const key = workspaces[SHAPE[question.workspace]] ?? "1";
  const workspace = asWorkspaceId(key);
  const times: Times = [];
  let found = 0;
  const limitMs = performance.now() + 20_000;
  for (let run = 0; run < runs && performance.now() < limitMs; run++) {
    const before = question.anywhere === true ? asJobId(lowestId((days[0] ?? 0) + Math.floor(Math.random() * days.length * DAY_MS))) : undefined;
    const scriptId = question.script === undefined ? undefined : scriptOf(key, question.script);
    const begun = performance.now();
    const { ids } = await listJobs(db, workspace, { status: question.status, scriptId, before, limit: PAGE });
    found = (await readJobs(pool, workspace, ids)).length;
    times.push(performance.now() - begun);
  }
  return { workspace: question.workspace, times, found };
}

async function sampleIds(pool: pg.Pool, workspace: string, days: readonly number[], count: number): Promise<JobId[]> {
  const ids: JobId[] = [];
  while (ids.length < count) {
    const moment = lowestId((days[0] ?? 0) + Math.floor(Math.random() * days.length * DAY_MS));
    const { rows } = await pool.query<{ id: string }>("SELECT id::text FROM job_done WHERE workspace_id = $1 AND id > $2 ORDER BY id LIMIT 1", [
      workspace,
      moment,
    ]);
    if (rows[0] !== undefined) ids.push(asJobId(rows[0].id));
  }
  return ids;
}
