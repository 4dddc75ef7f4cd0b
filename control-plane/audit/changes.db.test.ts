// Every operation of the API that changes something leaves its row in the audit log, or is listed here with the reason why not. A new operation that
// does neither fails here. Operations that are GETs change nothing, but for a login at an identity provider: see ../identity/oidc.db.test.ts.
import { afterAll, beforeAll, expect, test } from "vitest";
import { type AnswerBody, Browser } from "../identity/testing/identity-server.ts";
import { type InProcess, type Receiving, startInProcess, startReceiving, untilTrue } from "../triggers/testing/in-process.ts";

const SAYS_ITSELF = "the job says who started it";
const OF_THE_JOB = "what a running job says of itself, with its own token: it is shown with the job";
const LOOKS = "it changes nothing: the request has a body, so it is no GET";

const WITHOUT_ROW: Readonly<Record<string, string>> = {
  addCheckpoints: OF_THE_JOB,
  awaitJobs: LOOKS,
  inviteApprover: "nothing is stored: the links are computed, and what they are used for is a row",
  previewInvitation: LOOKS,
  rerunJob: SAYS_ITSELF,
  restartFlow: SAYS_ITSELF,
  runJob: SAYS_ITSELF,
  runJobs: SAYS_ITSELF,
  runSchedule: "the run says who asked for it, and so does its job",
  setJobProgress: OF_THE_JOB,
  startOidcLogin: "nobody has come in yet: the browser is sent to the provider",
  startTasks: SAYS_ITSELF,
  testFlowStep: SAYS_ITSELF,
};

const PASSWORD = "correct horse battery";
const AGENT = "01a20000-36dd-7000-aeb1-1bbad5bb6980";
const MAIN = "/api/v1/w/main";
let world: InProcess;
let receiving: Receiving;
let operations: { id: string; method: string }[];
/** Operations that were seen to leave a row. */
const seen = new Set<string>();
let last = 0;

beforeAll(async () => {
  world = await startInProcess();
  receiving = await startReceiving();
  const { paths } = (await (await fetch(`${world.controlPlane.httpUrl}/api/v1/openapi.json`)).json()) as {
    paths: Record<string, Record<string, { operationId: string }>>;
  };
  operations = Object.values(paths).flatMap((methods) => Object.entries(methods).map(([method, { operationId: id }]) => ({ id, method })));
});
afterAll(async () => {
  receiving.close();
  await world.close();
});

/** Rows since the last look, of all chains. */
async function newRows(): Promise<string[]> {
  const { rows } = await world.pool.query<{ action: string; outcome: string }>("SELECT action, outcome FROM audit_event ORDER BY at, workspace_id, seq");
  const found = rows.slice(last).map(({ action, outcome }) => (outcome === "done" ? action : `${action}, ${outcome}`));
  last = rows.length;
  return found.sort();
}

type Asked = { readonly status: number; readonly body: Partial<AnswerBody> & Record<string, unknown> };

/** A request that succeeds, and the rows that it leaves. */
async function leaves(id: string, actions: readonly string[], request: Promise<{ status: number; body: unknown }>): Promise<Asked["body"]> {
  const { status, body } = await request;
  expect([id, status, body], id).toEqual([id, expect.toSatisfy((code: number) => code >= 200 && code < 300), body]);
  expect([id, await newRows()]).toEqual([id, [...actions].sort()]);
  expect(operations.map((one) => one.id)).toContain(id);
  seen.add(id);
  return (body ?? {}) as Asked["body"];
}

const api = (method: string, path: string, body?: unknown) => world.api<Asked["body"]>(method, path, body);
/** With the administrator's token; anywhere. */
async function admin(method: string, path: string, body?: unknown): Promise<Asked> {
  const headers = { authorization: `Bearer ${world.controlPlane.credentials.admin_token}`, ...(body !== undefined && { "content-type": "application/json" }) };
  const response = await fetch(`${world.controlPlane.httpUrl}${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
}
const browser = (): Browser => new Browser(world.controlPlane.httpUrl);

test("scripts, flows and drafts", async () => {
  for (const [kind, name, body] of [
    ["scripts", "Script", { language: "noop", content: "x" }],
    ["flows", "Flow", { document: { summary: "", value: { modules: [] } } }],
  ] as const) {
    const path = `f/a/${kind}`;
    await leaves(`deploy${name}`, [`${kind}:deploy`], api("POST", `/${kind}`, { path, ...body }));
    await leaves(`archive${name}`, [`${kind}:archive`], api("POST", `/${kind}/archive`, { path }));
    await leaves(`unarchive${name}`, [`${kind}:unarchive`], api("POST", `/${kind}/unarchive`, { path }));
    await leaves(`move${name}`, [`${kind}:move`], api("POST", `/${kind}/move`, { path, to: `f/b/${kind}` }));
  }
  const draft = "/drafts/by-path?kind=script&path=f/a/draft";
  await leaves("putDraft", ["drafts:write"], api("PUT", draft, { value: { content: "x" } }));
  await leaves("putDraft", [], api("PUT", draft, { value: { content: "xy" } }));
  await leaves("deleteDraft", ["drafts:delete"], api("DELETE", draft));
});

test("variables, resources, secrets, limits, folders and groups", async () => {
  const at = (kind: string, name = "x") => `/${kind}/by-path?path=f/a/${name}`;
  await leaves("putVariable", ["variables:write"], api("PUT", at("variables"), { value: "x", is_secret: true }));
  await leaves("deleteVariable", ["variables:delete"], api("DELETE", at("variables")));
  await leaves("putResourceType", ["resource-types:write"], api("PUT", "/resource-types/by-name?name=t", { description: "x" }));
  await leaves("putResource", ["resources:write"], api("PUT", at("resources"), { type: "t", value: 1 }));
  await leaves("deleteResource", ["resources:delete"], api("DELETE", at("resources")));
  await leaves("deleteResourceType", ["resource-types:delete"], api("DELETE", "/resource-types/by-name?name=t"));
  await leaves("rotateSecrets", ["secrets:rotate"], admin("POST", `${MAIN}/secrets/rotate`));
  await leaves("setWorkspaceLimits", ["limits:write"], admin("PUT", `${MAIN}/limits`, { weight: 2 }));
  await leaves("setWorkspaceQuotas", ["quotas:write"], admin("PUT", `${MAIN}/quotas`, { max_queued: 1000 }));
  await leaves("putFolder", ["folders:write"], api("PUT", "/folders/by-path?path=f/a", { grants: [] }));
  await leaves("deleteFolder", ["folders:delete"], api("DELETE", "/folders/by-path?path=f/a"));
  await leaves("putGroup", ["groups:write"], api("PUT", "/groups/by-name?name=g", { members: [] }));
  await leaves("deleteGroup", ["groups:delete"], api("DELETE", "/groups/by-name?name=g"));
});

test("schedules, triggers and hooks", async () => {
  const path = "?path=f/a/x";
  await leaves("putSchedule", ["schedules:write"], api("PUT", `/schedules/by-path${path}`, { cron: "0 0 1 1 *", script: "f/b/scripts" }));
  await leaves("pauseSchedule", ["schedules:pause"], api("POST", `/schedules/pause${path}`));
  await leaves("resumeSchedule", ["schedules:resume"], api("POST", `/schedules/resume${path}`));
  await leaves("deleteSchedule", ["schedules:delete"], api("DELETE", `/schedules/by-path${path}`));
  const hook = { url: `${receiving.url}/x`, events: ["job.failed"] };
  for (const [kind, name, rows, body] of [
    ["triggers", "Trigger", [], { kind: "webhook", script: "f/b/scripts", auth: { kind: "token" } }],
    ["hooks", "Hook", ["hooks:add-secret"], hook],
  ] as const) {
    await leaves(`put${name}`, [`${kind}:write`, ...rows], api("PUT", `/${kind}/by-path${path}`, body));
    await leaves(`pause${name}`, [`${kind}:pause`], api("POST", `/${kind}/pause${path}`));
    await leaves(`resume${name}`, [`${kind}:resume`], api("POST", `/${kind}/resume${path}`));
    const secret = await leaves(`add${name}Secret`, [`${kind}:add-secret`], api("POST", `/${kind}/secrets${path}`));
    await leaves(`delete${name}Secret`, [`${kind}:delete-secret`], api("DELETE", `/${kind}/secrets${path}&id=${secret.id}`));
  }
  const sent = await leaves("testHook", ["hooks:test"], api("POST", `/hooks/test${path}`));
  await leaves("sendDeliveryAgain", ["hooks:send-again"], api("POST", `/hooks/deliveries/${sent.id}/again`));
  await leaves("deleteHook", ["hooks:delete"], api("DELETE", `/hooks/by-path${path}`));
  await leaves("deleteTrigger", ["triggers:delete"], api("DELETE", `/triggers/by-path${path}`));
});

test("jobs, steps that wait for people, and agents", async () => {
  const job = (await api("POST", "/jobs", { script: "f/b/scripts", delay_s: 3600 })).body;
  await leaves("cancelJob", ["jobs:cancel, asked"], api("POST", `/jobs/${job.id}/cancel`, {}));
  const task = await leaves("cancelJobs", ["jobs:cancel-many, asked"], api("POST", "/bulk/cancel", { filter: {} }));
  await leaves("rerunJobs", ["jobs:rerun-many, asked"], api("POST", "/bulk/rerun", { filter: { status: "failed" } }));
  await world.pool.query("UPDATE bulk_task SET state = 'running' WHERE id = $1", [task.id]);
  await leaves("stopBulkTask", ["jobs:stop-many, asked"], api("POST", `/bulk/${task.id}/stop`));
  await leaves("resumeBulkTask", ["jobs:resume-many, asked"], api("POST", `/bulk/${task.id}/resume`));
  const modules = [
    { id: "ask", value: { type: "identity" }, suspend: { required_events: 1, timeout: 600 } },
    { id: "b", value: { type: "identity" } },
  ];
  await api("POST", "/flows", { path: "f/a/asks", document: { summary: "", value: { modules } } });
  expect(await newRows()).toEqual(["flows:deploy"]);
  const asking = async (): Promise<string> => {
    const { id } = (await api("POST", "/jobs", { flow: "f/a/asks" })).body;
    await untilTrue("it waits", async () => (await api("POST", `/jobs/${id}/flow/invite`, {})).status === 200);
    return `/jobs/${id}/flow`;
  };
  const link = async (name: "resume_url" | "cancel_url"): Promise<string> => String((await api("POST", `${await asking()}/invite`, {})).body[name]);
  await leaves("answerStep", ["steps:approve"], api("POST", `${await asking()}/answer`, { approve: true }));
  await leaves("approveStep", ["steps:approve"], browser().ask("POST", await link("resume_url")));
  await leaves("refuseStep", ["steps:refuse"], browser().ask("POST", await link("cancel_url")));

  await world.pool.query("INSERT INTO agent (agent_id, name, workspace_id, token_id) SELECT $1, 'x', id, 'none' FROM workspace WHERE name = 'main'", [AGENT]);
  await leaves("pauseAgent", ["agents:pause"], api("POST", `/agents/${AGENT}/pause`));
  await leaves("resumeAgent", ["agents:resume"], api("POST", `/agents/${AGENT}/resume`));
  await leaves("drainAgent", ["agents:leave"], api("POST", `/agents/${AGENT}/drain`));
  await leaves("revokeAgent", ["agents:revoke"], api("DELETE", `/agents/${AGENT}`));
  const token = await leaves("createJoinToken", ["join-tokens:create"], api("POST", "/agents/join-tokens", { label: "x" }));
  await leaves("revokeJoinToken", ["join-tokens:revoke"], api("DELETE", `/agents/join-tokens/${token.id}`));
});

test("people, tokens and workspaces", async () => {
  const account = { email: "ann@example.com", password: PASSWORD, member_of: [{ workspace: "main", role: "admin" }] };
  const made = await leaves("createAccount", ["accounts:create", "members:write"], admin("POST", "/api/v1/accounts", account));
  await leaves("changeAccount", ["accounts:rename"], admin("PATCH", `/api/v1/accounts/${made.id}`, { name: "Ann" }));
  const ann = browser();
  const login = () => ann.ask("POST", "/api/v1/login", { email: account.email, password: PASSWORD });
  await leaves("login", ["sessions:begin"], login());
  const token = await leaves("createToken", ["tokens:create"], ann.ask("POST", `${MAIN}/tokens`, { label: "x" }));
  await leaves("revokeToken", ["tokens:revoke"], ann.ask("DELETE", `${MAIN}/tokens/${token.id}`));
  const lost = await leaves("createWorkspaceToken", ["tokens:create"], ann.ask("POST", `${MAIN}/workspace-tokens`, { label: "x" }));
  await leaves("revokeBySecret", ["tokens:revoke-by-secret"], browser().ask("POST", "/api/v1/tokens/revoke-by-secret", { token: lost.token }));
  const other = (await ann.ask("POST", `${MAIN}/workspace-tokens`, { label: "y" })).body;
  expect(await newRows()).toEqual(["tokens:create"]);
  await leaves("revokeWorkspaceToken", ["tokens:revoke"], ann.ask("DELETE", `${MAIN}/workspace-tokens/${other.id}`));
  await leaves("createServiceAccount", ["service-accounts:create"], ann.ask("POST", `${MAIN}/service-accounts`, { name: "robot", role: "viewer" }));
  await leaves("deleteServiceAccount", ["service-accounts:delete"], ann.ask("DELETE", `${MAIN}/service-accounts/robot`));

  const invite = () => ann.ask("POST", `${MAIN}/invitations`, { role: "viewer" });
  const first = await leaves("createInvitation", ["invitations:create"], invite());
  await leaves("revokeInvitation", ["invitations:revoke"], ann.ask("DELETE", `${MAIN}/invitations/${first.id}`));
  const [second, third] = [(await invite()).body.token, (await invite()).body.token];
  expect(await newRows()).toEqual(["invitations:create", "invitations:create"]);
  const bob = browser();
  const signUp = { email: "bob@example.com", name: "Bob", password: PASSWORD, invitation: second };
  await leaves("signUp", ["accounts:create", "invitations:accept", "sessions:begin"], bob.ask("POST", "/api/v1/sign-up", signUp));
  await leaves("putMember", ["members:write"], ann.ask("PUT", `${MAIN}/members/by-name?name=bob`, { role: "operator" }));
  await leaves("deleteMember", ["members:delete"], ann.ask("DELETE", `${MAIN}/members/by-name?name=bob`));
  await leaves("acceptInvitation", ["invitations:accept"], bob.ask("POST", "/api/v1/invitations/accept", { token: third }));

  await login();
  const { sessions } = (await ann.ask("GET", "/api/v1/me/sessions")).body;
  expect(await newRows()).toContain("sessions:begin");
  await bob.ask("POST", "/api/v1/login", { email: signUp.email, password: PASSWORD });
  expect(await newRows()).toContain("sessions:begin");
  await leaves("changePassword", ["accounts:change-password"], bob.ask("PUT", "/api/v1/me/password", { current: PASSWORD, password: `${PASSWORD} 2` }));
  const second_ = browser();
  await second_.ask("POST", "/api/v1/login", { email: account.email, password: PASSWORD });
  expect(await newRows()).toEqual(["sessions:begin"]);
  await leaves("endOtherSessions", ["sessions:end"], second_.ask("DELETE", "/api/v1/me/sessions"));
  expect(sessions.length).toBeGreaterThan(0);
  await login();
  expect(await newRows()).toContain("sessions:begin");
  const mine = (await second_.ask("GET", "/api/v1/me/sessions")).body.sessions.find((one) => !("is_current" in one && one.is_current === true));
  await leaves("endSession", ["sessions:end"], second_.ask("DELETE", `/api/v1/me/sessions/${mine?.id}`));
  await leaves("logout", ["sessions:end"], second_.ask("POST", "/api/v1/logout"));

  await login();
  await newRows();
  await leaves("confirmSession", ["sessions:confirm"], ann.ask("POST", "/api/v1/me/confirm", { password: PASSWORD }));
  const carla = browser();
  await admin("POST", "/api/v1/accounts", { ...account, email: "carla@example.com" });
  await carla.ask("POST", "/api/v1/login", { email: "carla@example.com", password: PASSWORD });
  await newRows();
  await leaves("deleteMe", ["accounts:delete", "members:delete"], carla.ask("DELETE", "/api/v1/me"));

  await leaves("createWorkspace", ["workspaces:create"], admin("POST", "/api/v1/workspaces", { name: "more" }));
  await leaves("renameWorkspace", ["workspaces:rename"], admin("PATCH", "/api/v1/workspaces/more", { name: "less" }));
});

test("every operation that changes something is among them, or is listed with the reason", () => {
  const changing = operations.filter(({ method }) => method !== "get").map(({ id }) => id);
  expect(changing.length).toBeGreaterThan(80);
  expect([...seen, ...Object.keys(WITHOUT_ROW)].sort()).toEqual(changing.sort());
});
