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

const workspaceName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "small letters, digits and hyphens, at most 63");
export const newWorkspace = z.strictObject({ name: workspaceName });
export const changedWorkspace = z.strictObject({ name: workspaceName });
export const workspaceView = z.object({
  name: z.string(),
  former_names: z.array(z.string()).meta({ description: "They still lead to it." }),
  created_at: z.iso.datetime(),
});
export type WorkspaceView = z.infer<typeof workspaceView>;
export const workspacePage = z.object({ workspaces: z.array(workspaceView), next_cursor: z.string().optional() });
export const workspaceQuery = z.strictObject({
  cursor: z
    .string()
    .regex(/^[a-z0-9-]{1,63}$/)
    .optional(),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});
