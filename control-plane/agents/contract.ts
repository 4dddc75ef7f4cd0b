import { z } from "zod";

export const agentView = z.object({
  id: z.string(),
  name: z.string(),
  host: z.string(),
  version: z.string(),
  shared: z.boolean().meta({ description: "true: it serves every workspace." }),
  tags: z.array(z.string()),
  languages: z.array(z.object({ language: z.string(), version: z.string() })),
  sandbox: z.object({ level: z.int(), reasons: z.array(z.string()) }),
  slots: z.int(),
  running: z.int(),
  connected_at: z.iso.datetime(),
});
export const agentList = z.object({ agents: z.array(agentView) });
export type AgentView = z.infer<typeof agentView>;
