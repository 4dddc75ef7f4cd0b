import { z } from "zod";
import { ROLES } from "../http/authorize.ts";
import { changeFields, description, pageQuery } from "../variables/contract.ts";

/** In one workspace. */
export const ACCESS_LIMITS = {
  members: 5000,
  groups: 200,
  groupMembers: 1000,
  folders: 500,
  grants: 30,
  pageSize: 200,
} as const;

const NAME = /^[A-Za-z0-9_-]{1,60}$/;
const memberName = z
  .string()
  .regex(NAME, "a name has 1 to 60 of a-z, A-Z, 0-9, _ and -")
  .meta({ examples: ["alice"] });
const groupName = memberName
  .refine((name) => name !== "all", "all members are no group of their own: leave out user and group in a grant")
  .meta({ examples: ["etl"] });
const folderPath = z
  .string()
  .regex(/^[uf]\/[A-Za-z0-9_-]{1,60}$/, "a folder looks like f/name, the place of a member like u/name")
  .meta({ examples: ["f/billing"] });

export const byMember = z.strictObject({ name: memberName });
export const byGroup = z.strictObject({ name: groupName });
export const byFolder = z.strictObject({ path: folderPath });

const role = z.enum(ROLES);
export const memberListQuery = z.strictObject({ cursor: pageQuery.cursor, limit: z.coerce.number().int().min(1).max(ACCESS_LIMITS.pageSize).optional() });
export const putMember = z.strictObject({ role });
export const memberView = z.object({
  name: z.string().meta({ description: "Below u/NAME/ the member may do what the role allows, and nobody else unless granted. It stays the account's." }),
  account: z.string(),
  email: z.string().optional(),
  role,
  disabled: z.boolean().meta({ description: "The account may not log in at the moment." }),
  revision: z.int(),
  created_at: z.iso.datetime(),
  updated_at: z.iso.datetime(),
});
export type MemberView = z.infer<typeof memberView>;
export const memberPage = z.object({ members: z.array(memberView), next_cursor: z.string().optional() });

export const putGroup = z.strictObject({ description: description.optional(), members: z.array(memberName).max(ACCESS_LIMITS.groupMembers) });
export type PutGroup = z.infer<typeof putGroup>;
export const groupView = z.object({ name: z.string(), description: z.string(), members: z.array(z.string()), ...changeFields });
export type GroupView = z.infer<typeof groupView>;
export const groupPage = z.object({ groups: z.array(groupView), next_cursor: z.string().optional() });

const grant = z
  .strictObject({
    user: memberName.optional(),
    group: groupName.optional(),
    level: z.enum(["read", "write"]).meta({ description: "write: reads, too." }),
  })
  .refine((one) => one.user === undefined || one.group === undefined, "give a user, or a group, or neither for all members");
export const putFolder = z.strictObject({ description: description.optional(), grants: z.array(grant).max(ACCESS_LIMITS.grants) });
export type PutFolder = z.infer<typeof putFolder>;
export const folderView = z.object({ path: z.string(), description: z.string(), grants: z.array(grant), ...changeFields });
export type FolderView = z.infer<typeof folderView>;
export const folderPage = z.object({ folders: z.array(folderView), next_cursor: z.string().optional() });
