import { defineConfig } from "vitest/config";

const DATABASE_SETUP = "./control-plane/db/test-global-setup.ts";
const OUTSIDE = ["**/node_modules/**", "**/.millrace/**", "proto/gen/**"];

// unit: pure and quick. db: on copies of a migrated database. agent: real processes and sandboxes. e2e: whole systems, one at a time.
export default defineConfig({
  test: {
    passWithNoTests: true,
    projects: [
      {
        test: {
          name: "unit",
          include: ["{kernel,signatures,control-plane,cli,scripts,loadtests,simulation,proto}/**/*.test.ts"],
          exclude: [...OUTSIDE, "**/*.db.test.ts", "**/*.e2e.test.ts"],
          maxWorkers: 2,
          testTimeout: 15_000,
        },
      },
      {
        test: {
          name: "db",
          include: ["{agent,control-plane,cli,loadtests}/**/*.db.test.ts"],
          exclude: OUTSIDE,
          globalSetup: DATABASE_SETUP,
          testTimeout: 30_000,
          hookTimeout: 30_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: "agent",
          include: ["agent/**/*.test.ts"],
          exclude: [...OUTSIDE, "**/*.db.test.ts"],
          pool: "forks",
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["e2e/**/*.e2e.test.ts"],
          exclude: OUTSIDE,
          globalSetup: DATABASE_SETUP,
          pool: "forks",
          fileParallelism: false,
          // Of tests that say that they may run side by side: the machine has two cores.
          maxConcurrency: 2,
          sequence: { groupOrder: 1 },
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
