import { z } from "zod";
import { WELL_FORMED } from "../../kernel/storable-text.ts";
import { MAX_SCOPES, SCOPE_PATTERN } from "./scope-core.ts";

/** Limits of accounts and tokens, in one place. */
export const IDENTITY_LIMITS = {
  /** Characters; the longest keeps the work of hashing small. */
  passwordLeast: 12,
  passwordMost: 256,
  emailChars: 254,
  nameChars: 100,
  labelChars: 100,
  scopes: MAX_SCOPES,
  /** Seconds. */
  tokenDefaultS: 90 * 24 * 3600,
  tokenLongestS: 365 * 24 * 3600,
  invitationDefaultS: 7 * 24 * 3600,
  invitationLongestS: 30 * 24 * 3600,
  /** Of one workspace, those that are neither revoked nor expired. */
  tokens: 1000,
  invitations: 1000,
  serviceAccounts: 200,
  pageSize: 200,
} as const;

const text = (most: number) => z.string().max(most).refine(WELL_FORMED.check, WELL_FORMED.message);

export const email = text(IDENTITY_LIMITS.emailChars)
  .regex(/^[^\s@<>()[\]\\,;:"]+@[^\s@<>()[\]\\,;:"]+$/, "an e-mail address looks like ann@example.com")
  .meta({ description: "Capital letters make no difference.", examples: ["ann@example.com"] });
const personName = text(IDENTITY_LIMITS.nameChars).min(1);
const newPassword = text(IDENTITY_LIMITS.passwordMost).min(
  IDENTITY_LIMITS.passwordLeast,
  `a password has at least ${IDENTITY_LIMITS.passwordLeast} characters`,
);
/** One that is only compared: rules for new ones may have been others when it was made. */
const givenPassword = z.string().max(IDENTITY_LIMITS.passwordMost);

const ROLES = ["viewer", "operator", "developer", "admin"] as const;
export type RoleName = (typeof ROLES)[number];
export const role = z.enum(ROLES);

export const tokenText = z.string().max(100);
const label = text(IDENTITY_LIMITS.labelChars).min(1);
const scope = z
  .string()
  .max(300)
  .regex(SCOPE_PATTERN, "a scope looks like jobs:run or jobs:run:f/etl/*")
  .meta({ examples: ["jobs:run", "jobs:run:f/etl/*"] });
const scopes = z.array(scope).min(1).max(IDENTITY_LIMITS.scopes);

export const accountView = z.object({
  id: z.string(),
  email: z.string(),
  name: z.string(),
  has_password: z.boolean(),
  is_instance_admin: z.boolean(),
  disabled_at: z.iso.datetime().nullable(),
  created_at: z.iso.datetime(),
  created_by: z.string(),
});
export type AccountView = z.infer<typeof accountView>;

export const newAccount = z.strictObject({
  email,
  name: personName.optional().meta({ description: "Left out: the part of the address before the @." }),
  password: newPassword.optional().meta({ description: "Left out: the person logs in by an identity provider." }),
  is_instance_admin: z.boolean().default(false),
  member_of: z
    .array(z.strictObject({ workspace: z.string().max(63), role }))
    .max(20)
    .default([])
    .meta({ description: "Workspaces that it is a member of from the beginning." }),
});
export type NewAccountBody = z.input<typeof newAccount>;

export const changedAccount = z
  .strictObject({
    name: personName.optional(),
    password: newPassword.optional().meta({ description: "A new one; all sessions of the account end." }),
    is_instance_admin: z.boolean().optional(),
    disabled: z.boolean().optional().meta({ description: "A disabled account has no sessions, and its tokens are refused within a second." }),
  })
  .refine((change) => Object.values(change).some((one) => one !== undefined), "says nothing: give one of name, password, is_instance_admin and disabled");

export const accountPage = z.object({ accounts: z.array(accountView), next_cursor: z.string().optional() });
export const accountQuery = z.strictObject({
  prefix: text(IDENTITY_LIMITS.emailChars).optional().meta({ description: "What the address begins with." }),
  cursor: z
    .string()
    .regex(/^[0-9]{1,18}$/)
    .optional(),
  limit: z.coerce.number().int().min(1).max(IDENTITY_LIMITS.pageSize).optional(),
});

export const loginRequest = z.strictObject({ email: text(IDENTITY_LIMITS.emailChars), password: givenPassword });
export const signUpRequest = z.strictObject({
  email,
  name: personName,
  password: newPassword,
  invitation: tokenText.optional().meta({ description: "Token of an invitation. Needed unless anybody may sign up." }),
});
export const loginAnswer = z.object({ account: accountView, expires_at: z.iso.datetime() });
export const passwordChange = z.strictObject({
  current: givenPassword.meta({ description: "The password until now." }),
  password: newPassword,
});

export const sessionConfirmation = z.strictObject({ password: givenPassword });

const sessionView = z.object({
  id: z.string(),
  method: z.string().meta({ examples: ["password", "oidc:company"] }),
  user_agent: z.string(),
  address: z.string(),
  created_at: z.iso.datetime(),
  seen_at: z.iso.datetime().meta({ description: "To within a minute." }),
  expires_at: z.iso.datetime(),
  is_current: z.boolean(),
});
export const sessionList = z.object({ sessions: z.array(sessionView) });

export const me = z.object({
  kind: z.enum(["account", "workspace", "admin"]).meta({ description: "What the token or session belongs to." }),
  label: z.string().meta({ description: "What `created_by` says of changes by this caller." }),
  account: accountView.optional(),
  scopes: z.array(z.string()).optional().meta({ description: "Of a limited token." }),
  workspaces: z.array(z.object({ name: z.string(), role })).meta({ description: "Where the caller may do something, and as what." }),
});
export type MeView = z.infer<typeof me>;

export const signInOptions = z.object({
  sign_up: z.enum(["open", "invited", "off"]),
  providers: z.array(z.object({ name: z.string(), title: z.string() })),
});

export const newInvitation = z.strictObject({
  role,
  email: email.optional().meta({ description: "Only an account with this address can accept it. Left out: whoever has the token." }),
  expires_in_s: z.int().min(60).max(IDENTITY_LIMITS.invitationLongestS).default(IDENTITY_LIMITS.invitationDefaultS),
});
const invitationView = z.object({
  id: z.string(),
  role,
  email: z.string().nullable(),
  status: z.enum(["open", "accepted", "expired", "revoked"]),
  created_by: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
});
export type InvitationView = z.infer<typeof invitationView>;
export const madeInvitation = invitationView.extend({ token: z.string().meta({ description: "Not shown again." }) });
export const invitationPage = z.object({ invitations: z.array(invitationView), next_cursor: z.string().optional() });
export const invitationToken = z.strictObject({ token: tokenText });
export const invitationPreview = z.object({ workspace: z.string(), role, email: z.string().nullable(), expires_at: z.iso.datetime() });
export const joined = z.object({ workspace: z.string(), role });

export const serviceAccountName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "small letters, digits and hyphens, at most 63");
export const newServiceAccount = z.strictObject({ name: serviceAccountName, role });
export const serviceAccountView = z.object({ name: z.string(), role: role.nullable(), created_by: z.string(), created_at: z.iso.datetime() });
export const serviceAccountPage = z.object({ service_accounts: z.array(serviceAccountView), next_cursor: z.string().optional() });

export const newToken = z.strictObject({
  label,
  scopes: scopes.optional().meta({ description: "What it is limited to. Left out: whatever its holder may do." }),
  expires_in_s: z.int().min(60).max(IDENTITY_LIMITS.tokenLongestS).default(IDENTITY_LIMITS.tokenDefaultS),
});
export type NewTokenBody = z.output<typeof newToken>;
export const newWorkspaceToken = newToken.extend({
  service_account: serviceAccountName
    .optional()
    .meta({ description: "Whose it is. Left out: the workspace's own, with the rights of an administrator of the workspace." }),
});
const tokenView = z.object({
  id: z.string(),
  kind: z.enum(["personal", "service", "workspace"]),
  holder: z.string().nullable().meta({ description: "Address of the person, or name of the service account." }),
  label: z.string(),
  scopes: z.array(z.string()).nullable(),
  created_by: z.string(),
  created_at: z.iso.datetime(),
  expires_at: z.iso.datetime().nullable(),
  last_used_at: z.iso.datetime().nullable().meta({ description: "To within five minutes." }),
  status: z.enum(["usable", "expired", "revoked"]),
});
export type TokenView = z.infer<typeof tokenView>;
export const madeToken = tokenView.extend({ token: z.string().meta({ description: "Not shown again." }) });
export const tokenPage = z.object({ tokens: z.array(tokenView), next_cursor: z.string().optional() });
export const secretToRevoke = z.strictObject({ token: tokenText });
