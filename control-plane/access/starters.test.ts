import { expect, test } from "vitest";
import { asAccountId, asWorkspaceId, createJobIdGenerator, type JobId } from "../../kernel/ids.ts";
import type { JobOrigin, Level, Member } from "../http/authorize.ts";
import { placeOf } from "./policy-core.ts";
import { createStarters } from "./starters.ts";

const workspace = asWorkspaceId("1");
const newId = createJobIdGenerator(() => 1_700_000_000_000);
const alice: Member = {
  account: asAccountId("5"),
  name: "alice",
  role: "operator",
  may: () => true,
  mayAt: (path: string, level: Level) => placeOf(path) === "u/alice" || (placeOf(path) === "f/read" && level === "read"),
  places: (level) => (level === "read" ? ["u/alice", "f/read"] : ["u/alice"]),
};

function starters(jobs: Readonly<Record<JobId, JobOrigin>> = {}) {
  return createStarters({
    member: async (_, account) => (account === alice.account ? alice : undefined),
    origin: async (_, job) => jobs[job],
    accountCalled: async (_, label) => (label === "alice@example.com" ? alice.account : label === "left@example.com" ? asAccountId("6") : undefined),
    nowMs: () => 0,
  });
}
const from = (createdBy: string, ...paths: string[]): JobOrigin => ({ createdBy, paths, flow: undefined });

test("a job of a token of the workspace or of a schedule is bound to nothing", async () => {
  expect(await starters().of(workspace, from("first-token"))).toBeUndefined();
  expect(await starters().of(workspace, from("schedule:f/a/b", "f/a/c"))).toBeUndefined();
});

test("a job may use what its starter may, and what is in the place of its code", async () => {
  const reach = await starters().of(workspace, from("alice@example.com", "f/tools/x"));
  expect(reach?.places("write")).toEqual(["u/alice", "f/tools"]);
  expect(["u/alice/v", "f/read/v", "f/tools/v", "f/other/v"].map((path) => reach?.mayAt(path, "read"))).toEqual([true, true, true, false]);
  expect(["u/alice/v", "f/read/v", "f/tools/v", "f/other/v"].map((path) => reach?.mayAt(path, "write"))).toEqual([true, false, true, false]);
});

test("one whose starter has left, or is not known, has the place of its code alone", async () => {
  for (const by of ["left@example.com", "nobody@example.com", "service:gone"])
    expect((await starters().of(workspace, from(by, "f/tools/x")))?.places("read")).toEqual(["f/tools"]);
});

test("a step has the place of the outermost flow too; a job that a job started has what that one's starter has, and not that one's place", async () => {
  const [flow, child, free, gone] = [newId(), newId(), newId(), newId()];
  const known = starters({ [flow]: from("alice@example.com", "f/flows/x"), [child]: from(`job ${flow}`, "f/child/x"), [free]: from("first-token", "f/a/x") });
  expect((await known.of(workspace, { ...from("alice@example.com"), flow }))?.places("write")).toEqual(["u/alice", "f/flows"]);
  expect((await known.ofJob(workspace, child))?.places("write")).toEqual(["u/alice", "f/child"]);
  expect((await known.of(workspace, from(`job ${child}`, "f/third/x")))?.places("write")).toEqual(["u/alice", "f/third"]);
  expect(await known.of(workspace, from(`job ${free}`, "f/b/x"))).toBeUndefined();
  expect((await known.of(workspace, from(`job ${gone}`, "f/b/x")))?.places("write")).toEqual(["f/b"]);
  expect((await known.ofJob(workspace, gone))?.places("read")).toEqual([]);
});

test("jobs that start each other for ever have nothing but their place", async () => {
  const id = newId();
  expect((await starters({ [id]: from(`job ${id}`, "f/a/x") }).ofJob(workspace, id))?.places("read")).toEqual(["f/a"]);
});
