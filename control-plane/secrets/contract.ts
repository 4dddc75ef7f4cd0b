import { z } from "zod";

export const keyList = z.object({
  keys: z.array(
    z.object({
      version: z.int(),
      created_at: z.iso.datetime(),
      secrets: z.int().meta({ description: "How many are sealed with it." }),
    }),
  ),
});
export const rotated = z.object({ version: z.int().meta({ description: "Of the new key." }) });
