import { expect, test } from "vitest";
import { asJobId, asToken, asWorkspaceId } from "../../kernel/ids.ts";
import { type Entry, FlushLane } from "./flush-lane.ts";
import type { FlushOperation } from "./model.ts";

const nothing = (): void => undefined;
let made = 0;

function entry(workspace: string, kind: "requeue" | "insert", bytes = 0): Entry {
  made += 1;
  const job = {
    id: asJobId(`00000000-0000-7000-8000-${String(made).padStart(12, "0")}`),
    workspace: asWorkspaceId(workspace),
    shard: 0,
    tag: "default",
    language: "bash",
    prio: 4,
    dueAtMs: 0,
    attempt: 0,
    lost: 0,
    scriptId: undefined,
    timeoutMs: undefined,
  };
  const payload = { kind: "inline", scriptHash: undefined, code: "", argsJson: "{}", createdBy: "test" } as const;
  const operation: FlushOperation = kind === "requeue" ? { kind, job, token: asToken("1") } : { kind, job, payload, direct: undefined };
  return { operation, settle: nothing, fail: nothing, bytes };
}

function laneOf(...entries: Entry[]): FlushLane {
  const lane = new FlushLane();
  for (const one of entries) lane.push(one);
  return lane;
}
const many = (count: number, workspace: string, kind: "requeue" | "insert", bytes?: number): Entry[] =>
  Array.from({ length: count }, () => entry(workspace, kind, bytes));

test("however much one workspace has waiting, what another one brings is in the next batch", () => {
  for (const kind of ["requeue", "insert"] as const) {
    const calm = entry("2", kind);
    const lane = laneOf(...many(5000, "1", kind), calm);
    expect(lane.take(100)).toContain(calm);
  }
});

test("small workspaces can be taken alone, with all that they have waiting", () => {
  const [few, more] = [[...many(2, "2", "requeue"), ...many(3, "2", "insert")], many(16, "3", "insert")];
  const lane = laneOf(...many(17, "1", "requeue"), ...few, ...many(500, "1", "insert"), ...more);
  expect(lane.takeSmall(16, 128)).toEqual([...few, ...more]);
  expect([lane.takeSmall(16, 128), lane.size]).toEqual([[], 517]);
  expect(lane.take(1000)).toHaveLength(517);
});

test("so many small workspaces that they are a flood together leave the rest for later", () => {
  const lane = laneOf(...Array.from({ length: 50 }, (_, at) => many(10, String(at), "insert")).flat());
  expect(lane.takeSmall(16, 128)).toHaveLength(120);
  expect(lane.size).toBe(380);
});

test("everything comes out once, each workspace's in the order of its arrival", () => {
  const entries = [...many(700, "1", "insert"), ...many(30, "2", "requeue"), ...many(400, "3", "insert"), ...many(300, "1", "requeue")];
  const lane = laneOf(...entries);
  const taken: Entry[] = [];
  for (let batch = lane.take(64); batch.length > 0; batch = lane.take(64)) taken.push(...batch);
  expect(lane.size).toBe(0);
  expect(new Set(taken)).toEqual(new Set(entries));
  expect(taken.length).toBe(entries.length);
  const place = new Map(taken.map((one, at) => [one, at]));
  for (const [a, b] of entries.slice(1).map((one, at) => [entries[at], one])) {
    if (a === undefined || b === undefined || a.operation.job.workspace !== b.operation.job.workspace || a.operation.kind !== b.operation.kind) continue;
    expect(place.get(a)).toBeLessThan(place.get(b) ?? -1);
  }
});

test("what moves running work goes first; new jobs fill at most half of a batch when there is more to do", () => {
  const lane = laneOf(...many(500, "1", "insert"), ...many(10, "1", "requeue"));
  const batch = lane.take(100);
  expect(batch.slice(0, 10).every((one) => one.operation.kind === "requeue")).toBe(true);
  expect(batch.length).toBe(60);
});

test("a batch is bounded by bytes, and one entry of any size is taken", () => {
  const large = 5 * 1024 * 1024;
  const lane = laneOf(...many(4, "1", "requeue", large));
  expect([lane.take(100).length, lane.take(100).length, lane.take(100).length]).toEqual([2, 2, 0]);
  expect(laneOf(entry("1", "insert", 100 * 1024 * 1024)).take(10).length).toBe(1);
});
