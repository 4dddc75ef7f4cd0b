import { FreshCache } from "../../kernel/fresh-cache.ts";
import { type AccountId, asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { LruMap } from "../../kernel/lru-map.ts";
import type { Pool } from "../db/pools.ts";
import { type Access, type JobOrigin, type Level, type Member, PERMISSIONS, type Reaching, ROLES } from "../http/authorize.ts";
import { readOrigin } from "../jobs/job-origin-store.ts";
import { readAccess, readVersion } from "./access-store.ts";
import { createDecide, type Decide } from "./enforcer.ts";
import { accountCalled } from "./member-store.ts";
import { type AccessRows, accountSubject, DO, type MemberRow, ownPlace, placeOf, placesOf, policyOf } from "./policy-core.ts";
import { createStarters } from "./starters.ts";

export interface AccessControl extends Access {
  /** Something of the workspace was changed through this replica: it holds for the next request here. Other replicas know within a second. */
  changed(workspace: WorkspaceId): void;
  /** The same as `job`, for one whose origin is at hand. */
  origin(workspace: WorkspaceId, origin: JobOrigin): Promise<Reaching | undefined>;
}

/** How long a replica may not know of a change. */
const VERSION_MS = 1000;
const MAX_VERSIONS = 10_000;
/** Workspaces whose policy is in memory; one that is not is read when somebody asks. */
const MAX_LOADED = 2000;

/** One workspace as of a version. */
interface Loaded {
  readonly version: number;
  readonly members: ReadonlyMap<AccountId, Member>;
}

/** Who is a member of what and may do what there: an enforcer for each workspace, made when it is asked for, and anew when its version has grown. */
export function createAccessControl(pool: Pool, nowMs: () => number): AccessControl {
  const versions = new FreshCache<number>({ maxAgeMs: VERSION_MS, maxEntries: MAX_VERSIONS, nowMs, load: (key) => readVersion(pool, asWorkspaceId(key)) });
  const loaded = new LruMap<WorkspaceId, Loaded>(MAX_LOADED);
  const loading = new Map<WorkspaceId, Promise<Loaded>>();

  async function load(workspace: WorkspaceId): Promise<Loaded> {
    const rows = await readAccess(pool, workspace);
    const decide = await createDecide(workspace, policyOf(workspace, PERMISSIONS, ROLES, rows));
    const found = { version: rows.version, members: new Map(rows.members.map((row) => [row.account, memberOf(rows, row, decide)])) };
    loaded.set(workspace, found);
    return found;
  }

  function reading(workspace: WorkspaceId): Promise<Loaded> {
    const underWay = loading.get(workspace);
    if (underWay !== undefined) return underWay;
    const begun = load(workspace).finally(() => loading.delete(workspace));
    loading.set(workspace, begun);
    return begun;
  }

  /** As of this version or a later one. A reading that was under way may have begun too early: then the next one has not. */
  async function asOf(workspace: WorkspaceId, version: number): Promise<Loaded> {
    const known = loaded.get(workspace);
    if (known !== undefined && known.version >= version) return known;
    const found = await reading(workspace);
    return found.version >= version ? found : reading(workspace);
  }

  async function member(workspace: WorkspaceId, account: AccountId): Promise<Member | undefined> {
    const known = await asOf(workspace, await versions.get(workspace));
    // Who is no member may have become one a moment ago, through another replica.
    if (!known.members.has(account)) versions.delete(workspace);
    return known.members.get(account) ?? (await asOf(workspace, await versions.get(workspace))).members.get(account);
  }

  const starters = createStarters({
    member,
    origin: (workspace, job) => readOrigin(pool, workspace, job),
    accountCalled: (workspace, label) => accountCalled(pool, workspace, label),
    nowMs,
  });
  return { member, job: starters.ofJob, origin: starters.of, changed: (workspace) => versions.delete(workspace) };
}

function memberOf(rows: AccessRows, row: MemberRow, decide: Decide): Member {
  const subject = accountSubject(row.account);
  const places = new Map<Level, readonly string[] | undefined>();
  return {
    account: row.account,
    name: row.name,
    role: row.role,
    may: (permission) => decide(subject, permission, DO),
    mayAt: (path, level) => placeOf(path) === ownPlace(row.name) || decide(subject, placeOf(path), level),
    places(level) {
      if (!places.has(level)) places.set(level, placesOf(rows, row, level));
      return places.get(level);
    },
  };
}
