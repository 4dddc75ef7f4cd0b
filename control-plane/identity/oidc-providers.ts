import { readFileSync } from "node:fs";
import { allowInsecureRequests, ClientSecretBasic, ClientSecretPost, type Configuration, discovery, None } from "openid-client";
import { z } from "zod";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { FreshCache } from "../../kernel/fresh-cache.ts";

const DISCOVERY_MS = 60 * 60 * 1000;
const ANSWER_WITHIN_S = 10;
const MAX_PROVIDERS = 20;

const provider = z
  .strictObject({
    /** Part of the redirect address. */
    name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
    /** What people see. */
    title: z.string().min(1).max(100),
    issuer: z.url({ protocol: /^https?$/ }),
    client_id: z.string().min(1),
    client_secret: z.string().min(1).optional(),
    client_secret_file: z.string().min(1).optional(),
    /** How the secret is sent: most providers take either, some only what was registered. */
    token_auth: z.enum(["client_secret_basic", "client_secret_post"]).default("client_secret_basic"),
    scopes: z.array(z.string().min(1)).default(["openid", "email", "profile"]),
    /** Whether somebody whom we do not know gets an account. */
    sign_up: z.boolean().default(false),
  })
  .refine((one) => one.client_secret === undefined || one.client_secret_file === undefined, "give client_secret or client_secret_file, not both")
  .refine((one) => one.issuer.startsWith("https:") || isLoopbackUrl(one.issuer), "an issuer is reached by https, or is on this machine");
const providers = z
  .array(provider)
  .max(MAX_PROVIDERS)
  .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, "two providers have the same name");

export type OidcProvider = z.output<typeof provider>;

/**
 * Reads the setting: a JSON list, or the path of a file that holds one.
 * Errors: invalid_argument for a list that is wrong, failed_precondition for a file that cannot be read.
 */
export function readProviders(setting: string | undefined): readonly OidcProvider[] {
  if (setting === undefined) return [];
  const text = setting.trimStart().startsWith("[") ? setting : readText(setting);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(messageOf(error));
  }
  const parsed = providers.safeParse(value);
  if (!parsed.success) throw wrong(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
  return parsed.data.map(({ client_secret_file: file, ...one }) => (file === undefined ? one : { ...one, client_secret: readText(file).trim() }));
}

/** What providers say of themselves, at most an hour old. */
export interface DiscoveredProviders {
  /** Errors: unavailable when the provider does not answer. */
  configuration(of: OidcProvider): Promise<Configuration>;
}

export function createDiscovery(all: readonly OidcProvider[], nowMs: () => number): DiscoveredProviders {
  const found = new FreshCache({
    maxAgeMs: DISCOVERY_MS,
    maxEntries: MAX_PROVIDERS,
    nowMs,
    load: async (name) => {
      const one = all.find((candidate) => candidate.name === name);
      if (one === undefined) throw new Error(`there is no provider ${name}`);
      const execute = one.issuer.startsWith("http:") ? [allowInsecureRequests] : [];
      return discovery(new URL(one.issuer), one.client_id, undefined, authOf(one), { execute, timeout: ANSWER_WITHIN_S });
    },
  });
  return {
    configuration: (of) =>
      found.get(of.name).catch((error: unknown) => {
        throw new AppError("unavailable", `${of.title} does not answer at the moment`, { cause: error });
      }),
  };
}

function authOf({ client_secret: secret, token_auth: how }: OidcProvider): ReturnType<typeof None> {
  if (secret === undefined) return None();
  return how === "client_secret_post" ? ClientSecretPost(secret) : ClientSecretBasic(secret);
}

function isLoopbackUrl(text: string): boolean {
  const hostname = URL.canParse(text) ? new URL(text).hostname : "";
  return hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new AppError("failed_precondition", `${path} of the identity providers cannot be read: ${messageOf(error)}`, { hint: "check MILLRACE_OIDC" });
  }
}

function wrong(what: string): AppError {
  return new AppError("invalid_argument", `MILLRACE_OIDC is wrong: ${what}`, { hint: "docs/accounts.md shows a list" });
}
