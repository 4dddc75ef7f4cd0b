import { globSync } from "node:fs";
import { ROOT } from "../gates.ts";

/** Files whose guards are walked, and what must notice when one of them is missing: from the quickest on, whatever notices ends the attempt. */
export interface Walk {
  readonly name: string;
  readonly files: readonly string[];
  /** What plays them with seeds. */
  readonly simulation?: "worlds" | "flows";
  /** Test files, group by group. */
  readonly tests: readonly (readonly string[])[];
}

const CORE = "control-plane/scheduler/core";
const JOBS = "control-plane/jobs";

export const WALKS: readonly Walk[] = [
  {
    name: "core",
    files: [`${CORE}/*.ts`],
    simulation: "worlds",
    tests: [
      [`${CORE}/{*-core,attach-again,attempt-life,picks}.test.ts`],
      [`${CORE}/*.test.ts`],
      ["control-plane/scheduler/owner-{time,limits}.db.test.ts", `${JOBS}/limits.db.test.ts`],
    ],
  },
  {
    name: "owner",
    files: ["control-plane/scheduler/*.ts", "control-plane/scheduler/cluster/*.ts"],
    simulation: "worlds",
    tests: [
      ["control-plane/scheduler/*.test.ts", "control-plane/scheduler/cluster/*.test.ts"],
      ["control-plane/scheduler/**/*.db.test.ts", `${JOBS}/{guards,limits,job-ends}.db.test.ts`],
    ],
  },
  {
    name: "flush",
    files: [`${JOBS}/{flush-*,statements,flow-statements,family-sql,attempt-store,begun-flushes}.ts`],
    simulation: "worlds",
    tests: [
      [`${JOBS}/flush-*.test.ts`],
      [`${JOBS}/{guards,flush,special-flush,job-store,job-ends}.db.test.ts`, "control-plane/scheduler/owner-time.db.test.ts"],
    ],
  },
  {
    name: "homes",
    files: ["control-plane/agents/{session,seat,outbox,slots-core,agent-home}.ts", "control-plane/peer/*.ts"],
    simulation: "worlds",
    tests: [
      ["control-plane/agents/*.test.ts", "control-plane/peer/*.test.ts"],
      ["agent/agent.connection.test.ts", "control-plane/scheduler/cluster/*.db.test.ts"],
    ],
  },
  {
    name: "agent",
    files: ["agent/session/*.ts", "agent/journal/*.ts"],
    simulation: "worlds",
    tests: [["agent/{session,journal}/*.test.ts"], ["agent/agent*.test.ts"]],
  },
  {
    name: "schedules",
    files: ["control-plane/schedules/{*-core,ticker,tick-*,run-*,held-runs,open-run-store,overlap-core,sweeper}.ts"],
    tests: [["control-plane/schedules/*.test.ts"], ["control-plane/schedules/*.db.test.ts"]],
  },
  {
    name: "flows",
    files: ["control-plane/flows/core/*.ts"],
    simulation: "flows",
    tests: [["control-plane/flows/core/*.test.ts"], ["control-plane/flows/engine/*.db.test.ts"]],
  },
];

const IS_TEST = /[.](test|fixture)[.]ts$|\/test-[^/]+[.]ts$|\/testing\/|-harness[.]ts$/;

export const filesOf = ({ files }: Walk): string[] =>
  globSync([...files], { cwd: ROOT })
    .filter((file) => !IS_TEST.test(file))
    .sort();

/** Groups of test files. The first group is without a database: a file of another one is not taken twice. */
export function testsOf({ tests }: Walk): string[][] {
  const taken = new Set<string>();
  return tests.map((patterns, group) => {
    const found = globSync([...patterns], { cwd: ROOT }).filter((file) => !taken.has(file) && (group > 0 || !file.includes(".db.")));
    for (const file of found) taken.add(file);
    return found.sort();
  });
}
