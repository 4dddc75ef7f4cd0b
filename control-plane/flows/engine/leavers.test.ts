import { expect, test, vi } from "vitest";
import { AppError } from "../../../kernel/app-error.ts";
import { asJobId, asWorkspaceId, type JobId } from "../../../kernel/ids.ts";
import type { RunningJob } from "../../scheduler/core/model.ts";
import type { FlowHost } from "../../scheduler/flow-port.ts";
import { Leavers } from "./leavers.ts";

const silent = (): void => undefined;
const running = { job: { id: asJobId("00000000-0000-7000-8000-00000000ffff"), workspace: asWorkspaceId("1"), shard: 1 } } as RunningJob;
const jobs = Array.from({ length: 1000 }, (_, at) => asJobId(`00000000-0000-7000-8000-${at.toString(16).padStart(12, "0")}`));

/** What is told to the owner, and how that ends. */
function host(answer: (job: JobId) => Promise<unknown>): { readonly told: JobId[]; readonly host: Pick<FlowHost, "cancel" | "log"> } {
  const told: JobId[] = [];
  const log = { debug: silent, info: silent, warn: silent, error: silent } as unknown as FlowHost["log"];
  const cancel: FlowHost["cancel"] = ({ id }) => {
    told.push(id);
    return answer(id);
  };
  return { told, host: { cancel, log } };
}

const filled = (): Leavers => {
  const leavers = new Leavers();
  for (const job of jobs) leavers.add({ kind: "cancel_job", place: "a", job, reason: "enough" });
  return leavers;
};

test("a thousand jobs are cancelled in turns, each once, however often it is said that they leave; those that have ended meanwhile are not", async () => {
  const leavers = filled();
  const { told, host: owner } = host(async () => "cancelled");
  let wakes = 0;
  leavers.ended(jobs[999] as JobId);
  for (let turns = 0; leavers.isBehind; turns++) {
    const before = told.length;
    leavers.tellSome(owner, running, () => (wakes += 1));
    expect(told.length - before).toBeLessThanOrEqual(64);
    expect(turns).toBeLessThan(20);
    for (const job of jobs.slice(0, 999)) leavers.add({ kind: "cancel_job", place: "a", job, reason: "enough" });
  }
  expect(told).toEqual(jobs.slice(0, 999));
  expect(leavers.isDone).toBe(false);
  await vi.waitFor(() => expect(leavers.isDone).toBe(true));
  expect(wakes).toBe(1);
});

test("a cancel that cannot be written is tried again, unless the job has ended", async () => {
  vi.useFakeTimers();
  try {
    const leavers = new Leavers();
    for (const job of jobs.slice(0, 2)) leavers.add({ kind: "cancel_job", place: "a", job, reason: "enough" });
    const { told, host: owner } = host(() => Promise.reject(new AppError("unavailable", "the database is away")));
    leavers.tellSome(owner, running, silent);
    await vi.advanceTimersByTimeAsync(0);
    leavers.ended(jobs[0] as JobId);
    await vi.advanceTimersByTimeAsync(1000);
    expect(leavers.isBehind).toBe(true);
    leavers.tellSome(owner, running, silent);
    expect(told).toEqual([jobs[0], jobs[1], jobs[1]]);
  } finally {
    vi.useRealTimers();
  }
});
