import { expect, test } from "vitest";
import { asWorkspaceId, createJobIdGenerator } from "../../kernel/ids.ts";
import { AnswerKind } from "../../proto/gen/millrace/peer/v1/peer.ts";
import { attemptFromWire } from "../agents/frames-codec.ts";
import { jobKey } from "../jobs/idempotency-key.ts";
import { type NewJob, shardOf } from "../jobs/model.ts";
import { policyOf } from "../jobs/policy-codec.ts";
import type { JobLimits } from "../scheduler/core/limit-model.ts";
import type { WaitReason } from "../scheduler/core/wait-reason.ts";
import { isProof, proofOf } from "./peer-auth.ts";
import { acceptedFromWire, answerFromWire, helloFromWire, jobsFromWire, reasonFromWire, sessionFromWire, shardsFromWire } from "./peer-codec.ts";

const newId = createJobIdGenerator(() => Date.now());
const workspace = asWorkspaceId("7");

function newJob(): NewJob {
  return {
    job: {
      id: newId(),
      workspace,
      shard: shardOf(workspace),
      tag: "default",
      language: "bash",
      prio: 4,
      dueAtMs: 1.5,
      attempt: 0,
      lost: 0,
      scriptId: undefined,
      timeoutMs: 1000,
    },
    payload: { kind: "inline", scriptHash: undefined, code: 'echo "ü"', argsJson: '{"a":"\\u0000"}', createdBy: "test" },
  };
}

test("a job comes through as it was, with fields that only a newer build knows", () => {
  const job = newJob();
  const newer = { ...job, job: { ...job.job, somethingNew: { deep: [1] } } };
  expect(jobsFromWire([JSON.stringify(newer)])).toEqual([newer]);
});

test("what was asked for about its time, its retries and its key comes along; the policy is read from its text", () => {
  const job = newJob();
  const policy = policyOf({ retry: { max_attempts: 3 }, queue_ttl_s: 5 }, undefined);
  const special = { scheduledForMs: 5, expiresAtMs: undefined, key: jobKey("run", "k", 0, "{}", 9) };
  const full = { ...job, job: { ...job.job, policy }, special };
  expect(jobsFromWire([JSON.stringify(full)])).toEqual([full]);
});

test("limits come through as they were, and none that make no sense", () => {
  const limits: JobLimits = {
    group: "77",
    specs: [
      { kind: "running", id: "1", key: "k", strategy: "fail", max: 2 },
      { kind: "rate", id: "2", key: "k", strategy: "queue", starts: 3, windowMs: 1000 },
      { kind: "debounce", id: "3", key: "k", strategy: "queue", delayMs: 5, maxMs: 10 },
    ],
  };
  const job = { ...newJob(), job: { ...newJob().job, limits } };
  expect(jobsFromWire([JSON.stringify(job)])).toEqual([job]);
  const [first] = limits.specs;
  const bad = { ...job, job: { ...job.job, limits: { group: "77", specs: [{ ...first, max: 0 }] } } };
  expect(() => jobsFromWire([JSON.stringify(bad)])).toThrow(/cannot be read/);
});

test("a wait reason comes through with its details, and one of another version not at all", () => {
  const reasons: WaitReason[] = [
    { code: "no_agent", message: "m" },
    { code: "slots_busy", slots: 3, message: "m" },
    { code: "concurrency", key: "k", limit: 2, running: 2, message: "m" },
    { code: "rate", key: "k", starts: 2, windowMs: 1000, opensInMs: 10, message: "m" },
    { code: "debounce", key: "k", opensInMs: 10, message: "m" },
    { code: "workspace_cap", limit: 2, running: 2, message: "m" },
    { code: "turn", waiting: 9, message: "m" },
  ];
  expect(reasons.map((reason) => reasonFromWire(JSON.stringify(reason)))).toEqual(reasons);
  for (const text of ['"words"', '""', "{", JSON.stringify({ code: "weather", message: "m" }), JSON.stringify({ code: "turn", message: "m" })])
    expect(reasonFromWire(text)).toBeUndefined();
});

test("an answer names each job and whether it is new; one that does not is no answer", () => {
  const [first, second] = [newJob(), newJob()];
  const texts = [[{ id: first.job.id, created: false }], [{ id: second.job.id, created: true }]].map((part) => ({ text: JSON.stringify(part) }));
  expect(acceptedFromWire([first, second], texts)).toEqual([
    { id: first.job.id, created: false },
    { id: second.job.id, created: true },
  ]);
  expect(() => acceptedFromWire([first, second], texts.slice(1))).toThrow(/not known which/);
  expect(() => acceptedFromWire([first], [{ text: '""' }])).toThrow(/not known which/);
});

test.each([
  ["a key that is none", JSON.stringify({ ...newJob(), special: { key: { key: "x", body: "y", expiresAtMs: 1 } } })],
  ["no JSON", "{"],
  ["no job", "{}"],
  ["an id that is none", JSON.stringify({ ...newJob(), job: { ...newJob().job, id: "x" } })],
  ["a workspace that is none", JSON.stringify({ ...newJob(), job: { ...newJob().job, workspace: "1; DROP" } })],
  ["another shard than its workspace's", JSON.stringify({ ...newJob(), job: { ...newJob().job, shard: (shardOf(workspace) + 1) % 64 } })],
])("%s is refused", (_name, text) => {
  expect(() => jobsFromWire([text])).toThrow(/cannot be read/);
});

test("attempts, sessions, shards and agents that make no sense are left out", () => {
  expect(attemptFromWire({ jobId: "x", token: "1" })).toBeUndefined();
  expect(attemptFromWire(undefined)).toBeUndefined();
  expect(sessionFromWire("../..")).toBeUndefined();
  expect(shardsFromWire([0, 63, 64, 4_000_000_000, 0])).toEqual([0, 63]);
  const hello = {
    session: "01a20000-36dd-4000-aeb1-1bbad5bb6980",
    agentKey: "5",
    name: "n",
    workspaceId: "",
    tags: ["a"],
    languages: ["bash"],
    slots: 9e6,
    held: [],
    serial: 3,
  };
  expect(helloFromWire(hello)).toMatchObject({ key: "5", workspace: undefined, slots: 10_000, serial: 3 });
  expect(helloFromWire({ ...hello, serial: 0 })).not.toHaveProperty("serial");
  expect(helloFromWire({ ...hello, agentKey: "-1" })).toBeUndefined();
  expect(helloFromWire({ ...hello, workspaceId: "main" })).toBeUndefined();
});

test("an answer is a text, a redirection, or the error of the other side", () => {
  const answer = { request: 1, text: "words", code: "" };
  expect(answerFromWire({ ...answer, kind: AnswerKind.ANSWER_KIND_DONE })).toEqual({ text: "words" });
  expect(answerFromWire({ ...answer, kind: AnswerKind.ANSWER_KIND_MOVED })).toBe("moved");
  expect(() => answerFromWire({ ...answer, kind: AnswerKind.ANSWER_KIND_FAILED, code: "resource_exhausted" })).toThrow(
    expect.objectContaining({ code: "resource_exhausted", message: "words" }),
  );
  expect(() => answerFromWire({ ...answer, kind: AnswerKind.ANSWER_KIND_UNSPECIFIED, code: "nonsense" })).toThrow(
    expect.objectContaining({ code: "unavailable" }),
  );
});

test("a proof opens one direction, between these two, at these epochs, under this secret", () => {
  const [home, owner] = [
    { replicaId: "1", epoch: 5 },
    { replicaId: "2", epoch: 6 },
  ];
  const secret = Buffer.alloc(32, 1);
  const proof = proofOf(secret, "home", home, owner);
  expect(isProof(proof, proofOf(secret, "home", home, owner))).toBe(true);
  for (const other of [
    proofOf(secret, "owner", home, owner),
    proofOf(secret, "home", owner, home),
    proofOf(secret, "home", { ...home, epoch: 7 }, owner),
    proofOf(secret, "home", home, { ...owner, epoch: 7 }),
    proofOf(Buffer.alloc(32, 2), "home", home, owner),
    Buffer.alloc(0),
  ]) {
    expect(isProof(other, proof)).toBe(false);
  }
});
