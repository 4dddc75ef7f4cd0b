import { isIP } from "node:net";
import { z } from "zod";

const HOUR_MS = 60 * 60 * 1000;

/** `10.0.0.7` or `10.0.0.0/8`. */
function isNetwork(text: string): boolean {
  const [address = "", bits, more] = text.split("/");
  const version = isIP(address);
  return version !== 0 && more === undefined && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128)));
}

/** Settings of accounts and sessions; a part of SETTINGS in config.ts. */
export const IDENTITY_SETTINGS = {
  MILLRACE_SIGN_UP: z
    .enum(["open", "invited", "off"])
    .default("invited")
    .meta({ description: "Who may make an account: anybody, who has an invitation, or nobody but administrators of the instance." }),
  MILLRACE_OIDC: z.string().optional().meta({ description: "Identity providers for logins: a JSON list, or the path of a file that holds one." }),
  MILLRACE_SESSION_IDLE_MS: z.coerce
    .number()
    .int()
    .min(5 * 60 * 1000)
    .max(30 * 24 * HOUR_MS)
    .default(HOUR_MS)
    .meta({ description: "A session that was not used for this long is over, milliseconds." }),
  MILLRACE_SESSION_MAX_MS: z.coerce
    .number()
    .int()
    .min(5 * 60 * 1000)
    .max(30 * 24 * HOUR_MS)
    .default(12 * HOUR_MS)
    .meta({ description: "A session is over after this long, however much it is used, milliseconds." }),
  MILLRACE_TRUSTED_PROXIES: z
    .string()
    .refine((text) => text.split(",").every(isNetwork), "must be addresses or networks with commas between them")
    .optional()
    .meta({ description: "Proxies whose X-Forwarded-For is believed: addresses or networks, with commas between them." }),
} as const;

const schema = z.object(IDENTITY_SETTINGS);
export type IdentityConfig = Readonly<z.output<typeof schema>>;
