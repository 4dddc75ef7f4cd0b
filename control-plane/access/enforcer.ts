import { newEnforcer, newModelFromString } from "casbin";
import { LruMap } from "../../kernel/lru-map.ts";
import type { Policy } from "./policy-core.ts";

/** Who (a member, a group, a role) may do what to what, in which workspace. Nothing is allowed but by a policy. */
const MODEL = `
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.act == p.act && (r.obj == p.obj || p.obj == "*") && r.dom == p.dom && g(r.sub, p.sub, r.dom)
`;

/** Decisions of one workspace that are kept until its policy changes. One takes casbin longer the more policies there are. */
const MAX_DECISIONS = 10_000;

/** Whether a subject may do something to an object. */
export type Decide = (subject: string, object: string, action: string) => boolean;

/** Decisions of casbin on the policy of one workspace, remembered. */
export async function createDecide(domain: string, { policies, links }: Policy): Promise<Decide> {
  const model = newModelFromString(MODEL);
  // Past `addPolicy`, which looks for a double among all that are there: the rows have none.
  for (const policy of policies) model.model.get("p")?.get("p")?.policy.push(policy);
  for (const link of links) model.model.get("g")?.get("g")?.policy.push(link);
  const enforcer = await newEnforcer(model);
  await enforcer.buildRoleLinks();
  const decisions = new LruMap<string, boolean>(MAX_DECISIONS);
  return (subject, object, action) => {
    const key = `${subject} ${action} ${object}`;
    const known = decisions.get(key);
    if (known !== undefined) return known;
    const decided = enforcer.enforceSync(subject, domain, object, action);
    decisions.set(key, decided);
    return decided;
  };
}
