import { z } from "zod";
import { parseAllowedTargets } from "./notifications/outbound/address-rules.ts";

/** Settings of requests that the control plane makes in a tenant's name; a part of SETTINGS in config.ts. */
export const OUTBOUND_SETTINGS = {
  MILLRACE_OUTBOUND_ALLOW: z
    .string()
    .refine((text) => parseAllowedTargets(text) !== undefined, "must be a list of addresses, networks (10.1.0.0/16) and names of hosts")
    .optional()
    .meta({
      description: "Targets beside the public internet that notification hooks may be sent to: addresses, networks and names, with commas between them.",
    }),
} as const;
