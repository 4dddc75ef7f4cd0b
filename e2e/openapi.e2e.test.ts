import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenApiDocument, openApiTypes } from "../scripts/openapi-types.ts";
import { createMillrace, MillraceError, ok } from "../sdk/client.ts";
import { run, startWorld, until, type World } from "./harness.ts";

let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.startAgent("local");
});
afterAll(async () => {
  await world.close();
});

interface Document {
  openapi: string;
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, { content: object }> }>>;
  components: { schemas: Record<string, { required: string[] }> };
}

test("the description of the API is OpenAPI 3.1, names every route, and says how errors look", async () => {
  const document = (await (await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/openapi.json`)).json()) as Document;
  expect(document.openapi).toBe("3.1.0");
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const names = [
    "acceptInvitation",
    "addCheckpoints",
    "addHookSecret",
    "addTriggerSecret",
    "answerStep",
    "approveStep",
    "archiveFlow",
    "archiveScript",
    "awaitJobs",
    "cancelJob",
    "cancelJobs",
    "changeAccount",
    "changePassword",
    "confirmSession",
    "createAccount",
    "createInvitation",
    "createJoinToken",
    "createServiceAccount",
    "createToken",
    "createWorkspace",
    "createWorkspaceToken",
    "deleteDraft",
    "deleteFolder",
    "deleteGroup",
    "deleteHook",
    "deleteHookSecret",
    "deleteMe",
    "deleteMember",
    "deleteResource",
    "deleteResourceType",
    "deleteSchedule",
    "deleteServiceAccount",
    "deleteTrigger",
    "deleteTriggerSecret",
    "deleteVariable",
    "deployFlow",
    "deployScript",
    "drainAgent",
    "endOtherSessions",
    "endSession",
    "exportAudit",
    "exportInstanceAudit",
    "finishOidcLogin",
    "getAccount",
    "getApproval",
    "getAuditHead",
    "getBulkTask",
    "getDelivery",
    "getDraft",
    "getFlow",
    "getFlowEvents",
    "getFlowRun",
    "getFlowVersion",
    "getFolder",
    "getGroup",
    "getHook",
    "getInstanceAuditHead",
    "getJob",
    "getJobArgs",
    "getJobLogs",
    "getJobResult",
    "getMe",
    "getMember",
    "getResource",
    "getResourceType",
    "getResourceValue",
    "getSchedule",
    "getScript",
    "getScriptVersion",
    "getSignInOptions",
    "getTrigger",
    "getUsage",
    "getVariable",
    "getVariableValue",
    "getWorkspaceLimits",
    "getWorkspaceQuotas",
    "inviteApprover",
    "listAccounts",
    "listAgents",
    "listAudit",
    "listBulkTasks",
    "listCheckpoints",
    "listDeliveries",
    "listDrafts",
    "listEnrolledAgents",
    "listFlowVersions",
    "listFlows",
    "listFolders",
    "listGroups",
    "listHookSecrets",
    "listHooks",
    "listInstanceAudit",
    "listInvitations",
    "listJobs",
    "listJoinTokens",
    "listMembers",
    "listResourceTypes",
    "listResources",
    "listScheduleRuns",
    "listSchedules",
    "listScriptVersions",
    "listScripts",
    "listSecretKeys",
    "listServiceAccounts",
    "listSessions",
    "listTokens",
    "listTriggerCalls",
    "listTriggerSecrets",
    "listTriggers",
    "listVariables",
    "listWorkspaceTokens",
    "listWorkspaces",
    "login",
    "logout",
    "moveFlow",
    "moveScript",
    "pauseAgent",
    "pauseHook",
    "pauseSchedule",
    "pauseTrigger",
    "previewInvitation",
    "previewSchedule",
    "putDraft",
    "putFolder",
    "putGroup",
    "putHook",
    "putMember",
    "putResource",
    "putResourceType",
    "putSchedule",
    "putTrigger",
    "putVariable",
    "refuseStep",
    "renameWorkspace",
    "rerunJob",
    "rerunJobs",
    "restartFlow",
    "resumeAgent",
    "resumeBulkTask",
    "resumeHook",
    "resumeSchedule",
    "resumeTrigger",
    "revokeAgent",
    "revokeBySecret",
    "revokeInvitation",
    "revokeJoinToken",
    "revokeToken",
    "revokeWorkspaceToken",
    "rotateSecrets",
    "runJob",
    "runJobs",
    "runSchedule",
    "sendDeliveryAgain",
    "setJobProgress",
    "setWorkspaceLimits",
    "setWorkspaceQuotas",
    "signUp",
    "startOidcLogin",
    "startTasks",
    "stopBulkTask",
    "testFlowStep",
    "testHook",
    "unarchiveFlow",
    "unarchiveScript",
  ];
  expect(operations.map((operation) => operation.operationId).sort()).toEqual(names);
  // Whoever is asked to let a flow go on has no token of the workspace; people come in before they are in one; instances have administrators.
  const open =
    /^\/api\/v1\/(approvals\/\{token\}|login|logout|sign-up|sign-in-options|me|oidc|invitations|tokens\/revoke-by-secret|accounts|workspaces|audit)(\/|$)/;
  for (const path of Object.keys(document.paths).filter((one) => !open.test(one)))
    expect(path).toMatch(/^\/api\/v1\/w\/\{workspace\}(\/(\{[a-z]+\}|[a-z-]+))+$/);
  for (const operation of operations) {
    expect(operation.responses["default"]?.content).toEqual({ "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } });
  }
  expect(document.components.schemas["Problem"]?.required).toEqual(["type", "title", "status", "detail", "code", "request_id"]);
});

test("the client in sdk/ has the types of the routes that there are, and works", async () => {
  const url = `http://127.0.0.1:${world.httpPort}`;
  const document = (await (await fetch(`${url}/api/v1/openapi.json`)).json()) as OpenApiDocument;
  const types = readFileSync(new URL("../sdk/gen/api.ts", import.meta.url), "utf8");
  expect(openApiTypes(document).split("\n"), "the routes have changed: npm run sdk").toEqual(types.split("\n"));

  const millrace = createMillrace({ url, token: world.credentials.token });
  const params = { path: { workspace: "main" } };
  const script = { path: "f/sdk/double", language: "bash", content: "echo 1" };
  const deployed = await ok(millrace.POST("/api/v1/w/{workspace}/scripts", { params, body: script }));
  expect(deployed).toMatchObject({ path: "f/sdk/double", created: true, lock_state: "none" });
  const { versions } = await ok(millrace.GET("/api/v1/w/{workspace}/scripts/versions", { params: { ...params, query: { path: script.path } } }));
  expect(versions.map(({ hash, current }) => [hash, current])).toEqual([[deployed.hash, true]]);
  const refused = await ok(millrace.POST("/api/v1/w/{workspace}/jobs", { params, body: { script: "f/sdk/doubles" } })).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(MillraceError);
  expect(refused).toMatchObject({ status: 404, problem: { code: "not_found", hint: "did you mean f/sdk/double?" } });
});

test("metrics count what happened and health says what is", async () => {
  await run(world, { code: { language: "bash", content: "true" } }, 20);
  const text = await (await fetch(`http://127.0.0.1:${world.httpPort}/metrics`)).text();
  for (const line of [
    "millrace_jobs_accepted_total 1",
    'millrace_jobs_ended_total{outcome="succeeded",reason="succeeded"} 1',
    "millrace_jobs_waiting 0",
    "millrace_agents_connected 1",
  ]) {
    expect(text.split("\n")).toContain(line);
  }
  for (const name of ["millrace_dispatch_seconds_count", "millrace_job_wait_seconds_count", "millrace_flush_rows_count", "nodejs_eventloop_lag_p99_seconds"]) {
    expect(Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1])).toBeGreaterThan(0);
  }
  expect(await (await fetch(`http://127.0.0.1:${world.httpPort}/healthz`)).json()).toEqual({ status: "ok" });
});

test("what is archived does not run, by path or by version, alone or as a step; what has moved is found with its past", async () => {
  const { body: deployed } = await world.api<{ hash: string }>("POST", "/scripts", { path: "f/old/script", language: "bash", content: "echo 1" });
  const document = { summary: "s", value: { modules: [{ id: "a", value: { type: "script", path: "f/old/script", input_transforms: {} } }] } };
  const { body: flow } = await world.api<{ hash: string }>("POST", "/flows", { path: "f/old/flow", document });
  const before = await run(world, { script: "f/old/script" }, 20);
  expect((await run(world, { flow: "f/old/flow" }, 20)).status).toBe("succeeded");
  expect((await world.api("POST", "/scripts/archive", { path: "f/old/script" })).status).toBe(200);
  for (const body of [{ script: "f/old/script" }, { hash: deployed.hash }])
    expect(await world.api("POST", "/jobs", body)).toMatchObject({ status: 409, body: { detail: "the script f/old/script is archived: it does not run" } });
  // Engines know it within a second.
  await until("the step is refused", async () => (await run(world, { flow: "f/old/flow" }, 20)).status === "failed");
  expect((await world.api("POST", "/flows/archive", { path: "f/old/flow" })).status).toBe(200);
  for (const body of [{ flow: "f/old/flow" }, { flow_hash: flow.hash }])
    expect(await world.api("POST", "/jobs", body)).toMatchObject({ status: 409, body: { detail: "the flow f/old/flow is archived: it does not run" } });
  const jobsOf = async (path: string): Promise<string[]> =>
    (await world.api<{ jobs: { id: string }[] }>("GET", `/jobs?script=${path}`)).body.jobs.map(({ id }) => id);
  expect(await jobsOf("f/old/script")).toContain(before.id);

  expect((await world.api("POST", "/scripts/unarchive", { path: "f/old/script" })).status).toBe(200);
  expect((await world.api("POST", "/scripts/move", { path: "f/old/script", to: "f/new/script" })).status).toBe(200);
  const after = await run(world, { script: "f/new/script" }, 20);
  expect(await jobsOf("f/new/script")).toEqual(expect.arrayContaining([before.id, after.id]));
  expect((await world.api<{ script: string }>("GET", `/jobs/${before.id}`)).body.script).toBe("f/new/script");
  expect((await world.api("POST", "/jobs", { script: "f/old/script" })).status).toBe(404);
});
