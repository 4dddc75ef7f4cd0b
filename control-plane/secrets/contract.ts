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

/** Characters of a secret that somebody brings. */
const SECRET_CHARS = 500;

const secretView = z.object({
  id: z.string(),
  created_at: z.iso.datetime(),
  created_by: z.string(),
  expires_at: z.iso.datetime().optional().meta({ description: "From then on it is good no more." }),
});
export type SecretView = z.infer<typeof secretView>;
export const secretList = z.object({ secrets: z.array(secretView) });
export const newSecret = secretView.extend({ secret: z.string().meta({ description: "Shown this once." }) });

export const addSecret = z.strictObject({
  secret: z
    .string()
    .min(16)
    .max(SECRET_CHARS)
    .regex(/^[\x21-\x7e]+$/, "has visible ASCII only")
    .optional()
    .meta({ description: "One that the other side has made, as Stripe and Slack do. Default: a new one." }),
  others_for_s: z
    .int()
    .min(0)
    .max(365 * 24 * 3600)
    .optional()
    .meta({ description: "Seconds for which the others stay good. Default: until they are deleted." }),
});
