import type { AccountId } from "../../kernel/ids.ts";
import type { Level, Permission, Role, Rule } from "../http/authorize.ts";

/** What a workspace says of its members, as it was read at one moment. */
export interface AccessRows {
  /** Grows with each change. */
  readonly version: number;
  readonly members: readonly MemberRow[];
  readonly groups: readonly { readonly group: string; readonly account: AccountId }[];
  readonly grants: readonly GrantRow[];
}

export interface MemberRow {
  readonly account: AccountId;
  readonly name: string;
  readonly role: Role;
}

/** To an account, to a group, or (neither) to all members. */
export interface GrantRow {
  readonly path: string;
  readonly account: AccountId | null;
  readonly group: string | null;
  readonly level: Level;
}

/** Of a casbin model with the workspace as its domain: policies (subject, domain, object, action) and links (member, group or role, domain). */
export interface Policy {
  readonly policies: readonly string[][];
  readonly links: readonly string[][];
}

/** What is done by permissions, as an action; `read` and `write` are those at places. */
export const DO = "do";
const EVERYWHERE = "*";

export const accountSubject = (account: AccountId): string => `account:${account}`;
const groupSubject = (group: string): string => `group:${group}`;
const roleSubject = (role: string): string => `role:${role}`;

/** The folder or the member's place that a path is in: f/NAME or u/NAME. */
export function placeOf(path: string): string {
  const second = path.indexOf("/", path.indexOf("/") + 1);
  return second === -1 ? path : path.slice(0, second);
}

/** The member's own place. */
export const ownPlace = (name: string): string => `u/${name}`;

/** The built-in roles, and the rows of one workspace. @param roles the least first: each has what those before it have */
export function policyOf(domain: string, permissions: Readonly<Record<Permission, Rule>>, roles: readonly Role[], rows: AccessRows): Policy {
  const [least = "viewer", ...rest] = roles;
  const policies: string[][] = [];
  for (const [permission, { role }] of Object.entries(permissions)) {
    if (role === "instance") continue;
    policies.push([roleSubject(role === "anybody" ? least : role), domain, permission, DO]);
  }
  const most = rest.at(-1) ?? least;
  for (const level of ["read", "write"]) policies.push([roleSubject(most), domain, EVERYWHERE, level]);
  for (const grant of rows.grants) {
    for (const level of grant.level === "write" ? ["read", "write"] : ["read"]) policies.push([granteeOf(grant, least), domain, grant.path, level]);
  }
  const links = rest.map((role, at) => [roleSubject(role), roleSubject(roles[at] ?? least), domain]);
  for (const { account, role } of rows.members) links.push([accountSubject(account), roleSubject(role), domain]);
  for (const { account, group } of rows.groups) links.push([accountSubject(account), groupSubject(group), domain]);
  return { policies, links };
}

/** Every member has the least role: it stands for all. */
function granteeOf({ account, group }: GrantRow, least: Role): string {
  if (account !== null) return accountSubject(account);
  return group === null ? roleSubject(least) : groupSubject(group);
}

/** Places at which a member has a level; undefined: everywhere. For lists, which are filtered by the database. */
export function placesOf(rows: AccessRows, { account, name, role }: MemberRow, level: Level): readonly string[] | undefined {
  if (role === "admin") return undefined;
  const groups = new Set(rows.groups.flatMap((one) => (one.account === account ? [one.group] : [])));
  const granted = rows.grants.filter(
    (grant) =>
      (level === "read" || grant.level === "write") && (grant.account === null ? grant.group === null || groups.has(grant.group) : grant.account === account),
  );
  return [...new Set([ownPlace(name), ...granted.map(({ path }) => path)])];
}
