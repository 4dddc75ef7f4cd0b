import { renderLimits } from "../control-plane/jobs/limit-keys.ts";
import type { LimitSettings } from "../control-plane/jobs/limits-contract.ts";
import { type JobLimits, LIMIT_STRATEGIES } from "../control-plane/scheduler/core/limit-model.ts";
import type { WorkspaceId } from "../kernel/ids.ts";
import { pick } from "./random.ts";

type Cap = NonNullable<LimitSettings["concurrency"]>[number];

/** What is limited, with one definition for each key, so that the oracle knows what holds at any moment. Strategies differ from job to job. */
const LIMITS: readonly LimitSettings[] = [
  { concurrency: [{ limit: 2 }] },
  { concurrency: [{ key: "one", limit: 1 }] },
  {
    concurrency: [
      { key: "one", limit: 1 },
      { key: "three", limit: 3 },
    ],
  },
  {
    concurrency: [
      { key: "customer $args[customer]", limit: 1 },
      { key: "three", limit: 3 },
    ],
  },
  { rate: [{ key: "mail", starts: 2, per_s: 6 }] },
  { concurrency: [{ key: "one", limit: 1 }], rate: [{ key: "mail", starts: 2, per_s: 6 }] },
  { concurrency: [{ key: "three", limit: 3 }], rate: [{ key: "disk", starts: 1, per_s: 2 }] },
  { debounce: { key: "document", delay_s: 2 } },
  { debounce: { key: "mailbox", delay_s: 2, max_delay_s: 5 }, concurrency: [{ key: "three", limit: 3 }] },
];

/** @param dice chooses what is limited; jobs of one event share it */
export function limitsOf(random: () => number, workspace: WorkspaceId, dice: number): JobLimits | undefined {
  const chosen = pick(LIMITS, dice);
  const strategy = random() < 0.6 ? ("queue" as const) : pick(LIMIT_STRATEGIES, random());
  const withStrategy = <T extends object>(list: readonly T[] | undefined): T[] | undefined => list?.map((entry) => ({ ...entry, strategy }));
  const settings: LimitSettings = {
    concurrency: withStrategy<Cap>(chosen?.concurrency),
    rate: withStrategy(chosen?.rate),
    debounce: chosen?.debounce,
  };
  const context = { workspace, workspaceName: `w${workspace}`, scriptPath: "f/script", args: { customer: Math.floor(random() * 3) } };
  return renderLimits(settings, context);
}
