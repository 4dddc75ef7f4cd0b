import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { AGENT_MUTATIONS } from "./agent-mutations.ts";
import type { Mutation } from "./mutation.ts";
import { SCHEDULER_MUTATIONS } from "./scheduler-mutations.ts";
import { runTask, seedsFrom } from "./seed-workers.ts";
import { TIME_MUTATIONS } from "./time-mutations.ts";

const MUTATIONS = [...SCHEDULER_MUTATIONS, ...AGENT_MUTATIONS, ...TIME_MUTATIONS];
/** Most guards are missed within a few seeds. */
const MOST_SEEDS = 600;

const seedsFor = (mutation: Mutation): number[] => [...(mutation.seed === undefined ? [] : [mutation.seed]), ...seedsFrom(1, MOST_SEEDS)];

describe("guards", () => {
  test("every edit of the list fits the code as it is: each text is there once", () => {
    for (const { name, edits } of MUTATIONS) {
      for (const { file, text } of edits) {
        const count = readFileSync(new URL(`../${file}`, import.meta.url), "utf8").split(text).length - 1;
        expect({ name, file, text, count }).toEqual({ name, file, text, count: 1 });
      }
    }
    expect(new Set(MUTATIONS.map((mutation) => mutation.name)).size).toBe(MUTATIONS.length);
  });

  // Two at a time: there are two cores.
  test("without any one of them a seed breaks a promise", async () => {
    const waiting = [...MUTATIONS];
    const missed: string[] = [];
    const worker = async (): Promise<void> => {
      for (let mutation = waiting.shift(); mutation !== undefined; mutation = waiting.shift()) {
        const { failure } = await runTask({ seeds: seedsFor(mutation), mutation, explainFailure: false });
        if (failure === undefined) missed.push(mutation.name);
      }
    };
    await Promise.all([worker(), worker()]);
    expect(missed).toEqual([]);
  }, 240_000);

  test("an edit that does not fit is an error, not a passed seed", async () => {
    const edits = [{ file: "control-plane/scheduler/owner.ts", text: "this text is not there", replacement: "" }];
    await expect(runTask({ seeds: [1], mutation: { name: "none", why: "", edits }, explainFailure: false })).rejects.toThrow(/contains the text 0 times/);
  });
});
