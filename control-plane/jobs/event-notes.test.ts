import { expect, test } from "vitest";
import { exitOf } from "../../kernel/exit.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator } from "../../kernel/ids.ts";
import type { WaitingJob } from "../scheduler/core/model.ts";
import { notesOf, type WantedNotes } from "./event-notes.ts";
import type { FlushOperation, JobEnd } from "./model.ts";

const newId = createJobIdGenerator(() => 1);
const [ours, theirs] = [asWorkspaceId("1"), asWorkspaceId("2")];
const all: WantedNotes = { succeeded: true, failed: true, cancelled: true, lost: true, approvals: true };

function job(more: Partial<WaitingJob> = {}): WaitingJob {
  const fixed = { shard: 1, tag: "default", language: "bash", prio: 4, attempt: 2, lost: 0, scriptId: undefined, timeoutMs: undefined, dueAtMs: 0 };
  return { id: newId(), workspace: ours, ...fixed, ...more };
}
const endOf = ({ id, workspace }: WaitingJob, exit: JobEnd["exit"]): JobEnd => ({
  ...{ id, workspace, token: asToken("1"), exit, resultJson: "1", startedAtMs: 1, doneAtMs: 2, runUs: 3, logChunks: 0, logBytes: 0, logDroppedBytes: 0 },
});
const finish = (of: WaitingJob, exit = exitOf("succeeded")): FlushOperation => ({ kind: "finish", job: of, end: endOf(of, exit) });
const step = { text: "{}", retry: undefined, queueTtlMs: undefined, softTimeoutMs: undefined, flow: { id: newId(), root: newId(), place: "a" } };

test("ends of jobs are noted for the workspaces that want them, those of steps for nobody", () => {
  const [done, failed, cancelled] = [job(), job(), job()];
  const operations: FlushOperation[] = [
    finish(done),
    finish(failed, exitOf("exit_code", "", { code: 1 })),
    { kind: "cancel", job: cancelled, doneAtMs: 1, exit: exitOf("cancelled"), resultJson: "{}" },
    finish(job({ policy: step })),
    finish(job({ workspace: theirs })),
    { kind: "claim", job: job(), token: asToken("1"), agent: asAgentKey("1") },
    { kind: "requeue", job: job(), token: asToken("1") },
  ];
  const idsFor = (wanted: WantedNotes | undefined): string[] =>
    notesOf(operations, (workspace) => (workspace === ours ? wanted : undefined)).map(({ id }) => id);
  expect(idsFor(all)).toEqual([done.id, failed.id, cancelled.id]);
  expect(idsFor({ ...all, succeeded: false, cancelled: false })).toEqual([failed.id]);
  expect(idsFor(undefined)).toEqual([]);
});

test("an attempt whose agent went away is noted with its number, one that is tried again for other reasons is not", () => {
  const [lost, failed] = [job(), job()];
  const retry = (of: WaitingJob, exit: JobEnd["exit"]): FlushOperation => ({ kind: "retry", job: of, end: endOf(of, exit), deferred: false });
  const notes = notesOf([retry(lost, exitOf("lost")), retry(failed, exitOf("timeout"))], () => all);
  expect(notes).toEqual([{ workspace: ours, kind: "lost", id: lost.id, data: "2" }]);
});

test("a run that has moved on is noted once in a flush, whatever else is written of it", () => {
  const run = job();
  const flow = (change: Extract<FlushOperation, { kind: "flow" }>["change"]): FlushOperation => ({ kind: "flow", job: run, change });
  const event = flow({ kind: "flow_event", seq: 1, atMs: 1, eventsJson: "[]", stateJson: undefined });
  const operations = [flow({ kind: "flow_next", dueAtMs: 1, awake: false }), event, event];
  expect(notesOf(operations, () => all)).toEqual([{ workspace: ours, kind: "flow", id: run.id, data: null }]);
  expect(notesOf(operations, () => ({ ...all, approvals: false }))).toEqual([]);
});
