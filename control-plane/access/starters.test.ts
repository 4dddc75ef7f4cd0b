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

test("a job of a token of the workspace, or of a schedule that one wrote, is bound to nothing", async () => {
  expect(await starters().of(workspace, from("first-token"))).toBeUndefined();
  expect(await starters().of(workspace, from("schedule:f/a/b", "f/a/c"))).toBeUndefined();
});

test("a job may use what its starter may, and what is in the place of its code", async () => {
  const reach = await starters().of(workspace, from("alice@example.com", "f/tools/x"));
  expect(reach?.places("write")).toEqual(["u/alice", "f/tools"]);
  expect(["u/alice/v", "f/read/v", "f/tools/v", "f/other/v"].map((path) => reach?.mayAt(path, "read"))).toEqual([true, true, true, false]);
  expect(["u/alice/v", "f/read/v", "f/tools/v", "f/other/v"].map((path) => reach?.mayAt(path, "write"))).toEqual([true, false, true, false]);
});

test("a job of a schedule or a trigger may use what the account that wrote it may, and so may a job that it starts", async () => {
  for (const by of ["schedule:f/a/b by alice@example.com", "trigger:f/a/b by alice@example.com"]) {
    expect((await starters().of(workspace, from(by, "f/tools/x")))?.places("write")).toEqual(["u/alice", "f/tools"]);
    const parent = newId();
    expect((await starters({ [parent]: from(by, "f/tools/x") }).of(workspace, from(`job ${parent}`, "f/child/x")))?.places("write")).toEqual([
      "u/alice",
      "f/child",
    ]);
  }
  for (const by of ["schedule:f/a/b by left@example.com", "trigger:f/a/b by service:gone"])
    expect((await starters().of(workspace, from(by, "f/tools/x")))?.places("read")).toEqual(["f/tools"]);
});

test("one of a token that is bound to paths has of its holder what is there, and the place of its code", async () => {
  const may = async (by: string, level: Level) => {
    const reach = await starters().of(workspace, from(by, "f/tools/x"));
    return [["u/alice/v", "f/read/v", "f/tools/v", "f/etl/v"].filter((path) => reach?.mayAt(path, level)), reach?.places(level)];
  };
  const bound = "alice@example.com within: f/read/** f/etl/**";
  for (const by of [bound, `schedule:f/a/b by ${bound}`, `trigger:f/a/b by ${bound}`]) {
    expect(await may(by, "read")).toEqual([
      ["f/read/v", "f/tools/v"],
      ["f/read", "f/tools"],
    ]);
    expect(await may(by, "write")).toEqual([["f/tools/v"], ["f/tools"]]);
  }
  // Part of a place is none for lists.
  expect(await may("alice@example.com within: f/read/v", "read")).toEqual([["f/read/v", "f/tools/v"], ["f/tools"]]);
  expect(await may("alice@example.com within: **", "read")).toEqual([
    ["u/alice/v", "f/read/v", "f/tools/v"],
    ["u/alice", "f/read", "f/tools"],
  ]);
  // A token of the workspace has no holder: what is left of everything.
  expect(await may("ci within: f/etl/**", "write")).toEqual([
    ["f/tools/v", "f/etl/v"],
    ["f/etl", "f/tools"],
  ]);
  const parent = newId();
  const child = await starters({ [parent]: from("ci within: f/etl/**", "f/tools/x") }).of(workspace, from(`job ${parent}`, "f/child/x"));
  expect(child?.places("read")).toEqual(["f/etl", "f/child"]);
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
