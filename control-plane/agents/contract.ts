import { z } from "zod";

const AGENT_STATES = ["active", "paused", "draining", "ending", "quarantined", "disk_pressure"] as const;
export type AgentState = (typeof AGENT_STATES)[number];

export const agentView = z.object({
  id: z.string(),
  name: z.string(),
  host: z.string().meta({ description: "Empty for a shared agent, unless an administrator asks." }),
  version: z.string(),
  shared: z.boolean().meta({ description: "true: it serves every workspace." }),
  scope: z.enum(["workspace", "shared"]).optional().meta({ description: "Whose jobs it gets: those of this workspace alone, or of all." }),
  enrolled: z.boolean().optional().meta({ description: "true: it joined with a key of its own. false: it has a long-lived token." }),
  state: z.enum(AGENT_STATES).optional().meta({ description: "Whether it takes new jobs (active), or why not." }),
  state_reason: z.string().optional().meta({ description: "One line for people." }),
  tags: z.array(z.string()),
  languages: z.array(z.object({ language: z.string(), version: z.string() })),
  sandbox: z.object({ level: z.int(), reasons: z.array(z.string()) }),
  slots: z.int(),
  running: z.int(),
  connected_at: z.iso.datetime(),
});
export const agentList = z.object({ agents: z.array(agentView) });
export type AgentView = z.infer<typeof agentView>;

export const orderView = z.object({ id: z.string(), paused: z.boolean(), draining: z.boolean(), revoked: z.boolean() });
export type OrderView = z.infer<typeof orderView>;

export const enrolledPage = z.object({
  next_cursor: z.string().optional(),
  agents: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      join_token: z.string().meta({ description: "Id of the join token by which it came." }),
      joined_at: z.iso.datetime(),
      last_connected_at: z.iso.datetime(),
      credential_until: z.iso.datetime().meta({ description: "It can be renewed for a day after that with the key of the host alone." }),
      allowed_tags: z.array(z.string()),
      paused: z.boolean(),
    }),
  ),
});

const TAG = /^[a-z0-9][a-z0-9._:-]{0,62}$/;
const MAX_EXPIRY_S = 30 * 24 * 60 * 60;

export const newJoinToken = z.strictObject({
  label: z.string().max(100).default(""),
  uses: z.int().min(1).max(10_000).default(1).meta({ description: "How many agents may join with it." }),
  expires_in_s: z
    .int()
    .min(60)
    .max(MAX_EXPIRY_S)
    .default(24 * 60 * 60),
  tags: z.array(z.string().regex(TAG)).max(100).default([]).meta({ description: "Tags that its agents may serve; empty: all." }),
  cidrs: z
    .array(z.union([z.cidrv4(), z.cidrv6()]))
    .max(50)
    .default([])
    .meta({ description: "Addresses that its agents may come from, as the control plane sees them; empty: all." }),
});
export type NewJoinToken = z.input<typeof newJoinToken>;

const joinTokenView = z.object({
  id: z.string(),
  label: z.string(),
  uses: z.int(),
  used: z.int(),
  tags: z.array(z.string()),
  cidrs: z.array(z.string()),
  created_by: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  status: z.enum(["usable", "used_up", "expired", "revoked"]),
});
export type JoinTokenView = z.infer<typeof joinTokenView>;
export const madeJoinToken = joinTokenView.extend({ token: z.string().meta({ description: "Shown once: only its hash is stored." }) });
export type MadeJoinToken = z.infer<typeof madeJoinToken>;
export const joinTokenPage = z.object({ tokens: z.array(joinTokenView), next_cursor: z.string().optional() });
