import { afterAll, beforeAll, expect, test } from "vitest";
import { asAgentKey, asToken, createJobIdGenerator, type WorkspaceId } from "../../kernel/ids.ts";
import { jobTokenKey, mintJobToken } from "../../kernel/job-token.ts";
import { PERMISSIONS, type Permission, ROLES, type Role } from "../http/authorize.ts";
import { JOB_KINDS, shardOf } from "../jobs/model.ts";
import { readClusterSecret } from "../scheduler/lease-store.ts";
import { type AccessWorld, type Answer, startAccessWorld } from "./test-world.ts";

// Every operation of the API's own description, asked by everybody, of the own workspace, another one and none. What is expected follows from the
// permission that the operation declares and from the table of permissions alone.

interface Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly permission: Permission;
}

/** Things that somebody asks for: in a place that is granted, in one that is not, of another workspace, or nowhere. */
interface Things {
  readonly place: string;
  readonly script: string;
  readonly flow: string;
  readonly job: string;
  readonly joinToken: string;
}

interface Sample {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: unknown;
}

const document = (summary: string) => ({ summary, value: { modules: [] } });
/** Once a year. */
const schedule = (place: string) => ({ cron: "0 0 1 1 *", script: `${place}/script` });
const trigger = (place: string) => ({ kind: "webhook", script: `${place}/script`, auth: { kind: "token" } });
const ofJob =
  (body?: unknown) =>
  (things: Things): Sample => ({ params: { id: things.job }, body });
const atPath =
  (name: string, body?: unknown) =>
  (things: Things): Sample => ({ query: `path=${things.place}/${name}`, body });

/** Requests that are right but for who makes them. An operation that is not here is asked without a body, for ids that there are not. */
const SAMPLES: Readonly<Record<string, (things: Things) => Sample>> = {
  deployScript: ({ place }) => ({ body: { path: `${place}/script`, language: "noop", content: place } }),
  getScript: atPath("script"),
  getScriptVersion: ({ script }) => ({ params: { hash: script } }),
  listScriptVersions: atPath("script"),
  moveScript: ({ place }) => ({ body: { path: `${place}/script`, to: `${place}/script` } }),
  archiveScript: ({ place }) => ({ body: { path: `${place}/archived` } }),
  unarchiveScript: ({ place }) => ({ body: { path: `${place}/archived` } }),
  deployFlow: ({ place }) => ({ body: { path: `${place}/flow`, document: document(place) } }),
  getFlow: atPath("flow"),
  getFlowVersion: ({ flow }) => ({ params: { hash: flow } }),
  listFlowVersions: atPath("flow"),
  moveFlow: ({ place }) => ({ body: { path: `${place}/flow`, to: `${place}/flow` } }),
  archiveFlow: ({ place }) => ({ body: { path: `${place}/archived` } }),
  unarchiveFlow: ({ place }) => ({ body: { path: `${place}/archived` } }),
  putDraft: ({ place }) => ({ query: `kind=script&path=${place}/script`, body: { value: { content: place } } }),
  getDraft: ({ place }) => ({ query: `kind=script&path=${place}/script` }),
  deleteDraft: ({ place }) => ({ query: `kind=script&path=${place}/gone` }),
  runJob: ({ place }) => ({ body: { script: `${place}/script`, delay_s: 3600 } }),
  runJobs: ({ place }) => ({ body: { script: `${place}/script`, delay_s: 3600, jobs: [{}] } }),
  getJob: ofJob(),
  getJobArgs: ofJob(),
  getJobResult: ofJob(),
  getJobLogs: ofJob(),
  cancelJob: ofJob({}),
  rerunJob: ofJob({}),
  setJobProgress: ofJob({ percent: 1 }),
  getFlowRun: ofJob(),
  getFlowEvents: ofJob(),
  inviteApprover: ofJob({}),
  answerStep: ofJob({ approve: true }),
  getVariable: atPath("thing"),
  getVariableValue: atPath("thing"),
  putVariable: atPath("thing", { value: "x" }),
  deleteVariable: atPath("gone"),
  getResource: atPath("thing"),
  getResourceValue: atPath("thing"),
  putResource: atPath("thing", { type: "thing", value: 1 }),
  deleteResource: atPath("gone"),
  getSchedule: atPath("thing"),
  listScheduleRuns: atPath("thing"),
  putSchedule: ({ place }) => ({ query: `path=${place}/thing`, body: schedule(place) }),
  deleteSchedule: atPath("gone"),
  pauseSchedule: atPath("thing"),
  resumeSchedule: atPath("thing"),
  runSchedule: atPath("thing"),
  getTrigger: atPath("thing"),
  listTriggerCalls: atPath("thing"),
  putTrigger: ({ place }) => ({ query: `path=${place}/thing`, body: trigger(place) }),
  deleteTrigger: atPath("gone"),
  pauseTrigger: atPath("thing"),
  resumeTrigger: atPath("thing"),
  listTriggerSecrets: atPath("thing"),
  addTriggerSecret: atPath("thing", {}),
  deleteTriggerSecret: ({ place }) => ({ query: `path=${place}/thing&id=none` }),
  revokeJoinToken: ({ joinToken }) => ({ params: { token: joinToken } }),
};

const NOWHERE = "01a20000-36dd-7000-aeb1-1bbad5bb6980";
const MISSING: Things = { place: "f/none", script: "0".repeat(64), flow: "0".repeat(64), job: NOWHERE, joinToken: "000000000000" };

let world: AccessWorld;
let operations: Operation[];
/** In workspace a, granted to all of its members; in a, granted to nobody; in b. */
let granted: Things;
let closed: Things;
let foreign: Things;

/** Who asks. `role` in workspace a; undefined: no standing there. */
interface Asker {
  readonly name: string;
  readonly token: string | undefined;
  /** What everybody gets who is not known at all, or whose kind of token opens nothing. */
  readonly always?: 401 | 403;
  readonly role?: Role | "instance" | "job";
  /** The role in workspace b. */
  readonly roleInB?: Role | "instance";
  readonly scopes?: readonly string[];
  /** Bound to what is granted in workspace a. */
  readonly isBound?: boolean;
  /** And nothing is. */
  readonly hasNothing?: boolean;
}
let askers: Asker[];

beforeAll(async () => {
  world = await startAccessWorld();
  const a = await world.makeWorkspace("a");
  const b = await world.makeWorkspace("b");
  const admin = await world.makeToken("workspace", a);
  granted = await makeThings("a", admin, "f/open");
  closed = await makeThings("a", admin, "f/closed");
  foreign = await makeThings("b", await world.makeToken("workspace", b), "f/theirs");
  expect((await world.ask(admin, "PUT", "/api/v1/w/a/folders/by-path?path=f/open", { grants: [{ level: "write" }] })).status).toBe(201);
  const description = (await (await fetch(`${world.plane.httpUrl}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { operationId: string; "x-permission": Permission }>>;
  };
  operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      id: operation.operationId,
      method: method.toUpperCase(),
      path,
      permission: operation["x-permission"],
    })),
  );
  askers = await makeAskers(a, b);
});
afterAll(async () => {
  await world.close();
});

async function makeThings(workspace: string, token: string, place: string): Promise<Things> {
  const api = `/api/v1/w/${workspace}`;
  const text = async (path: string, body: unknown, name: string, method = "POST"): Promise<string> => {
    const answer = await world.ask(token, method, `${api}${path}`, body);
    if (answer.status !== 201) throw new Error(`${path}: ${answer.text}`);
    return String(Reflect.get(Object(answer.body), name));
  };
  const script = await text("/scripts", { path: `${place}/script`, language: "noop", content: place }, "hash");
  const flow = await text("/flows", { path: `${place}/flow`, document: document(place) }, "hash");
  await text(`/drafts/by-path?kind=script&path=${place}/script`, { value: { content: place } }, "path", "PUT");
  await text(`/variables/by-path?path=${place}/thing`, { value: place }, "path", "PUT");
  await text(`/resources/by-path?path=${place}/thing`, { type: "thing", value: place }, "path", "PUT");
  await text(`/schedules/by-path?path=${place}/thing`, schedule(place), "path", "PUT");
  await text(`/triggers/by-path?path=${place}/thing`, trigger(place), "path", "PUT");
  const job = await text("/jobs", { script: `${place}/script`, delay_s: 3600 }, "id");
  const joinToken = await text("/agents/join-tokens", { uses: 1, expires_in_s: 3600, label: "x" }, "id");
  return { place, script, flow, job, joinToken };
}

async function makeAskers(a: WorkspaceId, b: WorkspaceId): Promise<Asker[]> {
  const members = await Promise.all(ROLES.map(async (role) => ({ role, ...(await world.makeMember(a, `${role}@a.test`, role)) })));
  const developer = members.find(({ role }) => role === "developer");
  const left = await world.makeMember(a, "left@a.test", "admin");
  await world.pool.query("DELETE FROM workspace_member WHERE workspace_id = $1 AND account_id = $2", [a, left.account]);
  if (developer === undefined) throw new Error("there is no developer");
  const scoped = async (name: string, ...scopes: string[]): Promise<Asker> => ({
    name,
    token: await world.personalToken(a, developer.account, scopes),
    role: "developer",
    scopes,
    isBound: true,
  });
  return [
    { name: "nobody", token: undefined, always: 401 },
    { name: "a token with a typing error", token: (await world.makeToken("workspace", a)).replace(/.$/, "!"), always: 401 },
    { name: "an expired token", token: await world.makeToken("workspace", a, { expired: true }), always: 401 },
    { name: "an agent", token: await world.makeToken("agent", a), always: 403 },
    ...members.map(({ role, token }): Asker => ({ name: role, token, role, isBound: role !== "admin" })),
    { name: "the workspace's token", token: await world.makeToken("workspace", a), role: "admin" },
    await scoped("a token for a folder", "*:*:f/open/**"),
    await scoped("a token that only runs", "jobs:run"),
    await scoped("a token that only reads", "*:read"),
    { name: "a running job", token: await jobToken(a, "first-token"), role: "job" },
    { name: "a running job of a developer", token: await jobToken(a, "developer@a.test"), role: "job", isBound: true },
    { name: "a running job of somebody who has left", token: await jobToken(a, "left@a.test"), role: "job", isBound: true, hasNothing: true },
    { name: "somebody who has left", token: left.token },
    { name: "an administrator of b", token: (await world.makeMember(b, "admin@b.test", "admin")).token, roleInB: "admin" },
    { name: "the token of b", token: await world.makeToken("workspace", b), roleInB: "admin" },
    { name: "an administrator of the instance", token: world.plane.credentials.admin_token, role: "instance", roleInB: "instance" },
  ];
}

let jobs = 0;
/** A row among those that run, of an agent that is nowhere: for as long as this test takes nobody misses it. */
async function jobToken(workspace: WorkspaceId, createdBy: string): Promise<string> {
  const claims = { issuer: asAgentKey("5"), job: createJobIdGenerator(() => Date.now())(), attempt: asToken(String(900 + jobs++)) };
  await world.pool.query(
    `INSERT INTO job_running (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, claimed_at)
     VALUES ($1, $2, $3, 'default', 'bash', 4, 0, 0, 0, $4, $5, clock_timestamp())`,
    [claims.job, workspace, shardOf(workspace), claims.attempt, claims.issuer],
  );
  await world.pool.query(
    "INSERT INTO job (workspace_id, id, kind, language, tag, prio, created_by, args) VALUES ($1, $2, $3, 'bash', 'default', 4, $4, '{}')",
    [workspace, claims.job, JOB_KINDS.indexOf("inline"), createdBy],
  );
  return mintJobToken(jobTokenKey(await readClusterSecret(world.pool), claims.issuer), claims);
}

function ask(asker: Asker, operation: Operation, workspace: string, things: Things): Promise<Answer> {
  const { params = {}, query, body } = SAMPLES[operation.id]?.(things) ?? {};
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === "workspace" ? workspace : (params[name] ?? NOWHERE)));
  return world.ask(asker.token, operation.method, query === undefined ? path : `${path}?${query}`, body);
}

const isOfWorkspace = ({ path }: Operation): boolean => path.includes("/w/{workspace}/");
const shape = (text: string, ...ids: string[]): string => ids.reduce((left, id) => left.replaceAll(id, "ID"), text.replace(/"request_id":"[^"]+"/, ""));

/** By the table, and what the scopes of the token name. */
function has(role: Asker["role"], permission: Permission, scopes: readonly string[] | undefined): boolean {
  const { role: least, job, paths } = PERMISSIONS[permission];
  if (role === undefined) return false;
  if (role === "instance") return true;
  if (role === "job") return job === true;
  if (least === "instance" || (least !== "anybody" && ROLES.indexOf(role) < ROLES.indexOf(least))) return false;
  const [domain = "", action = ""] = permission.split(":");
  return (
    scopes === undefined ||
    scopes.some((scope) => {
      const [ofDomain, ofAction, path] = scope.split(":");
      return (ofDomain === "*" || ofDomain === domain) && (ofAction === "*" || ofAction === action) && (path === undefined || paths !== undefined);
    })
  );
}

/** Operations by which one thing is read or changed: they are refused for what is not granted. */
const aboutPaths = (operation: Operation): boolean => PERMISSIONS[operation.permission].paths !== undefined && SAMPLES[operation.id] !== undefined;

/** A refusal: who asks is not known, may not, or is told that there is no such workspace or nothing at that path. */
const isRefusal = ({ status, text }: Answer): boolean => [401, 403].includes(status) || (status === 404 && text.includes("no access to it"));

const seen = (asker: Asker, operation: Operation, where: string, answer: Answer): string =>
  `${asker.name} · ${operation.id} (${operation.permission}) · ${where} → ${answer.status} ${answer.text.slice(0, 300)}`;

test("the description names every operation's permission, and it is one of the table", () => {
  expect(operations.length).toBeGreaterThan(50);
  for (const { id, permission } of operations) expect([id, Object.keys(PERMISSIONS).includes(permission)]).toEqual([id, true]);
  expect(Object.keys(SAMPLES).filter((id) => !operations.some((operation) => operation.id === id))).toEqual([]);
});

/** All at a time of those who ask for the same: one after the other would take most of a minute. */
async function everybody(of: readonly Operation[], who: (asker: Asker) => boolean, look: (operation: Operation, asker: Asker) => Promise<void>): Promise<void> {
  for (const operation of of) await Promise.all(askers.filter(who).map((asker) => look(operation, asker)));
}

test("whoever is not known gets a 401 and an agent a 403, of every operation that is not public", async () => {
  const closedOnes = operations.filter(({ permission }) => permission !== "public");
  await everybody(
    closedOnes,
    ({ always }) => always !== undefined,
    async (operation, asker) => {
      const answer = await ask(asker, operation, "a", granted);
      expect(answer.status, seen(asker, operation, "a", answer)).toBe(asker.always);
    },
  );
});

/** Where handlers have rules of their own about who may, beyond the permission: jobs speak of themselves, accounts have tokens, members grant their place. */
const hasOwnRules = ({ id, permission }: Operation): boolean => ["setJobProgress", "putFolder", "deleteFolder"].includes(id) || permission === "tokens:self";

test("in the own workspace everybody has what the table says, and gets a 403 for the rest", async () => {
  await everybody(
    operations.filter(isOfWorkspace),
    ({ role, hasNothing }) => role !== undefined && hasNothing !== true,
    async (operation, asker) => {
      const answer = await ask(asker, operation, "a", granted);
      const told = seen(asker, operation, "a", answer);
      if (!has(asker.role, operation.permission, asker.scopes)) expect(answer.status, told).toBe(403);
      else expect(answer.status < 500 && (!isRefusal(answer) || hasOwnRules(operation)), told).toBe(true);
    },
  );
});

/** What an operation answers of a workspace that there is not; asked by whoever comes first. */
const missingOnes = new Map<string, Promise<Answer>>();
function missing(operation: Operation, asker: Asker): Promise<Answer> {
  const known = missingOnes.get(operation.id) ?? ask(asker, operation, "nowhere", foreign);
  missingOnes.set(operation.id, known);
  return known;
}

test("of another workspace, and of one that there is not, everybody gets the same 404", async () => {
  await everybody(
    operations.filter(isOfWorkspace),
    ({ always, role, roleInB }) => always === undefined && (role === undefined || roleInB === undefined),
    async (operation, asker) => {
      const [other, things] = asker.roleInB === undefined ? ["b", foreign] : ["a", granted];
      const there = await ask(asker, operation, other, things);
      const nowhere = await missing(operation, asker);
      expect([there.status, nowhere.status], seen(asker, operation, other, there)).toEqual([404, 404]);
      expect(shape(there.text)).toBe(shape(nowhere.text));
    },
  );
});

test("a foreign id in the own workspace means as little as one that never was", async () => {
  const ids = [...Object.values(foreign), ...Object.values(MISSING)].map(String);
  await everybody(
    operations.filter((one) => isOfWorkspace(one) && SAMPLES[one.id] !== undefined && one.method === "GET"),
    ({ role }) => role === "admin" || role === "developer" || role === "job",
    async (operation, asker) => {
      if (!has(asker.role, operation.permission, asker.scopes)) return;
      if (asker.isBound === true && asker.hasNothing === true) return;
      const theirs = await ask(asker, operation, "a", foreign);
      const none = await ask(asker, operation, "a", MISSING);
      expect([theirs.status, none.status], seen(asker, operation, "a, with an id of b", theirs)).toEqual([404, 404]);
      expect(shape(theirs.text, ...ids)).toBe(shape(none.text, ...ids));
    },
  );
});

test("what is not granted is not there for those who are bound to paths, and cannot be written", async () => {
  await everybody(
    operations.filter(aboutPaths),
    ({ isBound }) => isBound === true,
    async (operation, asker) => {
      if (!has(asker.role, operation.permission, asker.scopes)) return;
      const answer = await ask(asker, operation, "a", asker.hasNothing === true ? granted : closed);
      const isWrite = PERMISSIONS[operation.permission].paths === "write";
      expect(answer.status, seen(asker, operation, "a, not granted", answer)).toBe(isWrite || operation.id === "setJobProgress" ? 403 : 404);
    },
  );
  await everybody(
    operations.filter(
      (one) => isOfWorkspace(one) && one.id.startsWith("list") && SAMPLES[one.id] === undefined && PERMISSIONS[one.permission].paths !== undefined,
    ),
    ({ isBound }) => isBound === true,
    async (operation, asker) => {
      const answer = await ask(asker, operation, "a", granted);
      for (const hidden of [closed.place, closed.job]) expect(answer.text, seen(asker, operation, "a", answer)).not.toContain(hidden);
    },
  );
});

test("routes of no workspace are closed to jobs, and those of the instance to all but its administrators", async () => {
  await everybody(
    operations.filter((one) => !isOfWorkspace(one) && one.permission !== "public"),
    ({ always }) => always === undefined,
    async (operation, asker) => {
      if (asker.role !== "job" && (asker.role === "instance" || PERMISSIONS[operation.permission].role !== "instance")) return;
      const answer = await ask(asker, operation, "a", granted);
      expect(answer.status, seen(asker, operation, "no workspace", answer)).toBe(403);
    },
  );
});
