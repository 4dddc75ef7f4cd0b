import { expect, test } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { asAccountId } from "../../kernel/ids.ts";
import { type Level, PERMISSIONS, type Permission, ROLES, type Role } from "../http/authorize.ts";
import { createDecide } from "./enforcer.ts";
import { type AccessRows, accountSubject, DO, type GrantRow, type MemberRow, placeOf, placesOf, policyOf } from "./policy-core.ts";

const accounts = ["1", "2", "3"].map(asAccountId);
const places = ["f/a", "f/b", "u/n1", "u/n9"];
const level = fc.constantFrom<Level>("read", "write");
const account = fc.constantFrom(...accounts);
const group = fc.constantFrom("g", "h");

const rows: fc.Arbitrary<AccessRows> = fc.record({
  version: fc.constant(1),
  members: fc
    .uniqueArray(fc.record({ account, name: fc.constant(""), role: fc.constantFrom<Role>(...ROLES) }), { selector: (one) => one.account })
    .map((list) => list.map((one) => ({ ...one, name: `n${one.account}` }))),
  groups: fc.uniqueArray(fc.record({ group, account }), { selector: (one) => `${one.group}/${one.account}` }),
  grants: fc.uniqueArray(
    fc.record({ path: fc.constantFrom(...places), to: fc.oneof(account, group, fc.constant(null)), level }).map(({ path, to, level: granted }): GrantRow => {
      const isAccount = to !== null && /\d/.test(to);
      return { path, account: isAccount ? asAccountId(to) : null, group: isAccount ? null : to, level: granted };
    }),
    { selector: (one) => `${one.path}/${one.account ?? ""}/${one.group ?? ""}` },
  ),
});

/** What is meant, as plainly as it can be said. */
const may = (member: MemberRow | undefined, permission: Permission): boolean => {
  const { role } = PERMISSIONS[permission];
  return member !== undefined && role !== "instance" && (role === "anybody" || ROLES.indexOf(member.role) >= ROLES.indexOf(role));
};
const mayAt = ({ groups, grants }: AccessRows, member: MemberRow | undefined, place: string, wanted: Level): boolean => {
  if (member === undefined) return false;
  if (member.role === "admin") return true;
  return grants.some((grant) => {
    const isFor =
      grant.account !== null
        ? grant.account === member.account
        : grant.group === null || groups.some((one) => one.group === grant.group && one.account === member.account);
    return grant.path === place && isFor && (wanted === "read" || grant.level === "write");
  });
};

test("casbin decides what the rows and the table of roles say, and nothing else is allowed", async () => {
  await fc.assert(
    fc.asyncProperty(rows, async (given) => {
      const decide = await createDecide("7", policyOf("7", PERMISSIONS, ROLES, given));
      for (const one of accounts) {
        const member = given.members.find((row) => row.account === one);
        // Groups are of members: the database sees to that.
        if (member === undefined && given.groups.some((row) => row.account === one)) continue;
        if (member === undefined && given.grants.some((row) => row.account === one)) continue;
        for (const permission of Object.keys(PERMISSIONS) as Permission[])
          expect([one, permission, decide(accountSubject(one), permission, DO)]).toEqual([one, permission, may(member, permission)]);
        for (const place of places)
          for (const wanted of ["read", "write"] as const)
            expect([one, place, wanted, decide(accountSubject(one), place, wanted)]).toEqual([one, place, wanted, mayAt(given, member, place, wanted)]);
      }
    }),
    { numRuns: 60 },
  );
});

test("the places that lists are filtered by are those that casbin allows, and the member's own", async () => {
  await fc.assert(
    fc.asyncProperty(rows, level, async (given, wanted) => {
      const decide = await createDecide("7", policyOf("7", PERMISSIONS, ROLES, given));
      for (const member of given.members) {
        const listed = placesOf(given, member, wanted);
        for (const place of places) {
          const own = place === `u/${member.name}`;
          expect([place, listed === undefined || listed.includes(place)]).toEqual([place, own || decide(accountSubject(member.account), place, wanted)]);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("one workspace's policy says nothing of another", async () => {
  const given: AccessRows = { version: 1, members: [{ account: accounts[0] ?? asAccountId("1"), name: "n1", role: "admin" }], groups: [], grants: [] };
  const decide = await createDecide("8", policyOf("7", PERMISSIONS, ROLES, given));
  expect(decide(accountSubject(asAccountId("1")), "scripts:read", DO)).toBe(false);
});

test("a path is in the place of its first two parts", () => {
  expect(["f/a/b", "u/alice/x/y", "f/a"].map(placeOf)).toEqual(["f/a", "u/alice", "f/a"]);
});
