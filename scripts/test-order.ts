import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take longer than 10 s, the longest first. The workers of a run end together when these do not come last. A fresh clone knows no
 * times of earlier runs, and would go by the size of the files.
 */
const LONG = [
  "agent/runtimes/contract.test.ts",
  "agent/runtimes/compiled/compiled.test.ts",
  "agent/runtimes/typescript/npm-packages.test.ts",
  "agent/packing/packed-host.test.ts",
  "agent/workshop/registries.test.ts",
  "agent/sandbox/attacks-resources.test.ts",
  "agent/agent.crash.test.ts",
  "agent/sandbox/attacks.test.ts",
  "control-plane/http/fuzz/api-fuzz.db.test.ts",
  "cli/commands/versions.db.test.ts",
  "cli/sync/sync.db.test.ts",
  "simulation/simulation.test.ts",
  "simulation/mutations.test.ts",
  "cli/commands/commands.test.ts",
  "e2e/agent-faults.e2e.test.ts",
  "e2e/kill.e2e.test.ts",
  "e2e/takeover.e2e.test.ts",
  "e2e/time.e2e.test.ts",
  "e2e/flows.e2e.test.ts",
  "e2e/job-api.e2e.test.ts",
  "e2e/windmill-clients.e2e.test.ts",
  "e2e/windmill-cli.e2e.test.ts",
  "e2e/enrolment.e2e.test.ts",
  "e2e/database.e2e.test.ts",
  "e2e/faults.e2e.test.ts",
  "e2e/once.e2e.test.ts",
  "e2e/cluster.e2e.test.ts",
  "e2e/logs.e2e.test.ts",
  "e2e/load-audit.e2e.test.ts",
  "e2e/limits.e2e.test.ts",
  "e2e/fencing.e2e.test.ts",
  "e2e/upgrade.e2e.test.ts",
  "e2e/bad-input.e2e.test.ts",
];

/** As vitest does it, but with the longest files of each project first. A worker that goes on with the same project has its code already. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = [...new Set(sorted.map(({ project }) => project.name))];
    const place = ({ project }: TestSpecification): number => projects.indexOf(project.name);
    // Stable: files that are not named stay in their order.
    return sorted.sort((a, b) => place(a) - place(b) || this.#rank(a) - this.#rank(b));
  }

  #rank({ moduleId }: TestSpecification): number {
    const at = LONG.indexOf(relative(this.ctx.config.root, moduleId));
    return at === -1 ? LONG.length : at;
  }
}
