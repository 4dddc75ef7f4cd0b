import { z } from "zod";
import { isKeyList } from "./secrets/master-keys.ts";

/** Settings of secrets; a part of SETTINGS in config.ts. */
export const SECRET_SETTINGS = {
  MILLRACE_MASTER_KEY: z
    .string()
    .refine(isKeyList, "must be 32 bytes in base64, or several such keys with commas between them")
    .optional()
    .meta({ description: "Seals the keys of the workspaces' secrets. The first of a list seals, all of them open. Default: master.key in the state folder." }),
} as const;
