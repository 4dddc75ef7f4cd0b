import { defineConfig, type TestProjectInlineConfiguration } from "vitest/config";
import { COUNTS_FILE, CountReporter } from "./scripts/test-counts.ts";
import { LongestFirst } from "./scripts/test-order.ts";

const RUN_SETUP = "./scripts/test-run.ts";
const COMPILED_SETUP = "./scripts/test-compiled.ts";
const WORLDS_SETUP = "./e2e/world-database.ts";
const DATABASE_SETUP = "./control-plane/db/test-global-setup.ts";
const OUTSIDE = ["**/node_modules/**", "**/.millrace/**", "proto/gen/**"];

/** They measure times. */
const ALONE = ["cluster-times", "times"].map((name) => `e2e/${name}.e2e.test.ts`);

/** One more than the usual two processors: most tests wait for processes of theirs a good part of their time. */
const WORKERS = 3;

/** What is waited for may come late on a busy machine: the limits are there for what never comes. */
const PATIENT: TestProjectInlineConfiguration["test"] = { expect: { poll: { timeout: 10_000, interval: 20 } }, testTimeout: 60_000, hookTimeout: 60_000 };

/** Files run one after the other in three processes that load the code once: to load it took as long as a quarter of all tests. */
const SHARED: TestProjectInlineConfiguration["test"] = { ...PATIENT, pool: "forks", isolate: false, maxWorkers: WORKERS };

const WHOLE_SYSTEMS: TestProjectInlineConfiguration["test"] = {
  ...PATIENT,
  globalSetup: [RUN_SETUP, COMPILED_SETUP, DATABASE_SETUP, WORLDS_SETUP],
  setupFiles: "./e2e/say-failures.ts",
  pool: "forks",
  // Of tests that say that they may run side by side: the machine has two cores.
  maxConcurrency: 2,
  testTimeout: 180_000,
  hookTimeout: 180_000,
};

// unit: pure and quick. db: on copies of a migrated database. agent: real processes and sandboxes. e2e: whole systems, three files at a time.
// e2e-alone: whole systems, one at a time.
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    reporters: ["default", new CountReporter(process.env[COUNTS_FILE])],
    projects: [
      {
        test: {
          ...SHARED,
          name: "unit",
          include: ["{kernel,signatures,control-plane,cli,scripts,loadtests,simulation,proto}/**/*.test.ts"],
          exclude: [...OUTSIDE, "**/*.db.test.ts", "**/*.e2e.test.ts"],
          globalSetup: RUN_SETUP,
        },
      },
      {
        test: {
          ...SHARED,
          name: "db",
          include: ["{agent,control-plane,cli,loadtests}/**/*.db.test.ts"],
          exclude: OUTSIDE,
          globalSetup: [RUN_SETUP, DATABASE_SETUP],
        },
      },
      {
        test: {
          ...SHARED,
          name: "agent",
          include: ["agent/**/*.test.ts"],
          exclude: [...OUTSIDE, "**/*.db.test.ts"],
          globalSetup: RUN_SETUP,
        },
      },
      {
        test: {
          ...WHOLE_SYSTEMS,
          name: "e2e",
          include: ["e2e/**/*.e2e.test.ts"],
          exclude: [...OUTSIDE, ...ALONE],
          maxWorkers: WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...WHOLE_SYSTEMS,
          name: "e2e-alone",
          include: ALONE,
          exclude: OUTSIDE,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
