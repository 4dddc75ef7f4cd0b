import { expect, test } from "vitest";
import { AppError } from "../../kernel/app-error.ts";
import type { JobId } from "../../kernel/ids.ts";
import type { KeyedJob } from "../jobs/key-store.ts";
import type { NewJob } from "../jobs/model.ts";
import { type Accepted, KeyedJobs } from "./keyed-jobs.ts";
import { testJob } from "./testing/core-world.ts";
import { PAYLOAD } from "./testing/owner-desk.ts";

const unavailable = new AppError("unavailable", "the database is away");

/** Keys of an owner, with a table of those that were used and commits that take as long as a test wants. */
class Bench {
  readonly keys: KeyedJobs;
  readonly stored = new Map<string, KeyedJob>();
  readonly lookedFor: string[][] = [];
  readonly enqueued: JobId[] = [];
  owns = true;
  find: () => Promise<void> = async () => undefined;
  commit: () => Promise<void> = async () => undefined;

  constructor() {
    const findKeys = async (_workspace: unknown, keys: readonly string[]): Promise<Map<string, KeyedJob>> => {
      this.lookedFor.push([...keys]);
      await this.find();
      return new Map([...this.stored].filter(([key]) => keys.includes(key)));
    };
    const clock = { wallMs: () => 0, monotonicMs: () => 0 };
    this.keys = new KeyedJobs({ clock, owns: () => this.owns, store: { findKeys } }, async (jobs) => {
      await this.commit();
      this.enqueued.push(...jobs.map(({ job }) => job.id));
    });
  }
}

function keyed(key: string | undefined, body = "body", isNew?: () => boolean): NewJob {
  const special = { scheduledForMs: undefined, expiresAtMs: undefined, key: key === undefined ? undefined : { key, body, expiresAtMs: 1000, isNew } };
  return { job: testJob("1"), payload: PAYLOAD, special };
}
const idOf = ({ job }: NewJob): JobId => job.id;
const created = (job: NewJob): Accepted => ({ id: idOf(job), created: true });
const known = (job: NewJob): Accepted => ({ id: idOf(job), created: false });
const codes = async (...requests: Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(requests)).map((outcome) =>
    outcome.status === "fulfilled" ? "accepted" : (outcome.reason.code ?? outcome.reason.constructor.name),
  );

test("jobs of one key are one job: within a request, under way, and when the tables know it", async () => {
  const bench = new Bench();
  const [plain, first, same, other, again] = [keyed(undefined), keyed("a"), keyed("a"), keyed("b"), keyed("a")];
  let commit = (): void => undefined;
  bench.commit = () => new Promise((resolve) => (commit = resolve));
  const request = bench.keys.enqueue([first]);
  const second = bench.keys.enqueue([again]);
  await new Promise(setImmediate);
  expect([bench.lookedFor, bench.enqueued]).toEqual([[["a"]], []]);
  commit();
  bench.commit = async () => undefined;
  expect(await Promise.all([request, second])).toEqual([[created(first)], [known(first)]]);
  bench.stored.set("a", { id: idOf(first), body: "body" });
  expect(await bench.keys.enqueue([plain, same, other, keyed("b"), keyed("a")])).toEqual([
    created(plain),
    known(first),
    created(other),
    known(other),
    known(first),
  ]);
  expect([bench.lookedFor[1], bench.enqueued]).toEqual([
    ["a", "b"],
    [idOf(first), idOf(plain), idOf(other)],
  ]);
});

test("jobs without a key, and keys that nobody can have used, are not looked for", async () => {
  const bench = new Bench();
  const [plain, fresh] = [keyed(undefined), keyed("a", "body", () => true)];
  expect(await bench.keys.enqueue([])).toEqual([]);
  expect(await bench.keys.enqueue([plain])).toEqual([created(plain)]);
  expect(await bench.keys.enqueue([fresh, keyed("a")])).toEqual([created(fresh), known(fresh)]);
  expect(bench.lookedFor).toEqual([]);
  const used = keyed("b", "body", () => false);
  await bench.keys.enqueue([used]);
  expect(bench.lookedFor).toEqual([["b"]]);
});

test("a key of another request is refused, whether that is under way or stored, and nothing of the request is accepted", async () => {
  const bench = new Bench();
  let commit = (): void => undefined;
  bench.commit = () => new Promise((resolve) => (commit = resolve));
  const first = bench.keys.enqueue([keyed("a")]);
  await new Promise(setImmediate);
  bench.find = () => new Promise(setImmediate);
  // Who waits for a key of a request that is refused is to ask again.
  expect(await codes(bench.keys.enqueue([keyed("b"), keyed("a", "other")]), bench.keys.enqueue([keyed("b")]))).toEqual(["already_exists", "unavailable"]);
  commit();
  await first;
  bench.commit = async () => undefined;
  bench.stored.set("a", { id: idOf(keyed("a")), body: "body" });
  expect(await codes(bench.keys.enqueue([keyed("a", "other")]), bench.keys.enqueue([keyed("b")]))).toEqual(["already_exists", "accepted"]);
  expect(bench.enqueued.length).toBe(2);
});

test("what keeps the first from being known is heard by all that came with its key; then the key is free again", async () => {
  const causes: [string, (bench: Bench) => void][] = [
    ["unavailable", (bench) => (bench.find = () => Promise.reject(unavailable))],
    ["unavailable", (bench) => (bench.commit = () => Promise.reject(unavailable))],
    ["ShardMoved", (bench) => (bench.owns = false)],
  ];
  for (const [code, cause] of causes) {
    const bench = new Bench();
    cause(bench);
    expect(await codes(bench.keys.enqueue([keyed("a")]), bench.keys.enqueue([keyed("a")]))).toEqual([code, code]);
    Object.assign(bench, { find: async () => undefined, commit: async () => undefined, owns: true });
    expect(await codes(bench.keys.enqueue([keyed("a")]))).toEqual(["accepted"]);
  }
});
