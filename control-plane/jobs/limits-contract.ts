import { z } from "zod";
import { LIMIT_STRATEGIES } from "../scheduler/core/limit-model.ts";
import { keyProblem } from "./key-template.ts";

/** Bounds of what may be asked for; docs/limits.md lists them. */
export const LIMIT_BOUNDS = { perKind: 4, keyChars: 200, running: 100_000, starts: 1_000_000, windowS: 86_400, delayS: 86_400 } as const;

const key = z
  .string()
  .min(1)
  .max(LIMIT_BOUNDS.keyChars)
  .superRefine((text, context) => {
    const problem = keyProblem(text);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  })
  .meta({
    description:
      "Jobs of the workspace with the same key share the limit, whatever script they run. `$args[name]` and `$args[name.member]` stand for an argument, " +
      "`$workspace` for the workspace's name; the rest is taken as it is. Default: the script's path.",
    examples: ["customer $args[customer.id]"],
  });

const strategy = z.enum(LIMIT_STRATEGIES).meta({
  description:
    "What happens to a new job when the limit is reached. `queue` (default): it waits. `fail`: it ends at once as failed. `cancel_oldest`: the oldest job " +
    "of the key is cancelled for it. `cancel_newest`: it ends at once as cancelled.",
});

const concurrencyLimit = z.strictObject({
  key: key.optional(),
  limit: z.int().min(1).max(LIMIT_BOUNDS.running).meta({ description: "So many jobs of the key run at a time." }),
  strategy: strategy.optional(),
});

const rateLimit = z.strictObject({
  key: key.optional(),
  starts: z.int().min(1).max(LIMIT_BOUNDS.starts).meta({ description: "So many jobs of the key start within any `per_s` seconds." }),
  per_s: z.number().min(0.1).max(LIMIT_BOUNDS.windowS),
  strategy: strategy.optional(),
});

const debounce = z
  .strictObject({
    key: key.optional(),
    delay_s: z.number().min(0.1).max(LIMIT_BOUNDS.delayS).meta({ description: "The job waits until no other of the key has come for so long." }),
    max_delay_s: z
      .number()
      .min(0.1)
      .max(LIMIT_BOUNDS.delayS)
      .optional()
      .meta({ description: "At most so long after the first of those that it replaced. Default: any time." }),
  })
  .refine((value) => value.max_delay_s === undefined || value.max_delay_s >= value.delay_s, {
    path: ["max_delay_s"],
    message: "must not be less than delay_s",
  });

/** Members of a deploy request, and of a run of inline code. */
export const limitFields = {
  concurrency: z.array(concurrencyLimit).min(1).max(LIMIT_BOUNDS.perKind).optional().meta({ description: "How many jobs may run at a time." }),
  rate: z.array(rateLimit).min(1).max(LIMIT_BOUNDS.perKind).optional().meta({ description: "How many jobs may start in a time." }),
  debounce: debounce.optional().meta({ description: "A new job replaces the one of the same key that waits: that one ends as cancelled." }),
};

const limitSettings = z.object(limitFields);
/** What a script, or a request with inline code, says of limits. */
export type LimitSettings = z.infer<typeof limitSettings>;

/** The limits among other members of a request; undefined when it has none. */
export function limitsIn(request: LimitSettings): LimitSettings | undefined {
  const { concurrency, rate, debounce } = request;
  if (concurrency === undefined && rate === undefined && debounce === undefined) return undefined;
  return { ...(concurrency !== undefined && { concurrency }), ...(rate !== undefined && { rate }), ...(debounce !== undefined && { debounce }) };
}
