import { z } from "zod";

export const workspaceLimits = z.strictObject({
  weight: z
    .number()
    .min(0.001)
    .max(1000)
    .default(1)
    .meta({ description: "Its part of contended slots, relative to other workspaces: with weight 2 it gets twice the worker time of one with 1." }),
  max_running: z
    .int()
    .min(0)
    .max(1_000_000)
    .nullable()
    .default(null)
    .meta({ description: "Most jobs that it may run at a time. null: any number; 0: none start." }),
});
export type WorkspaceLimitsView = z.infer<typeof workspaceLimits>;
