import { afterAll, beforeAll, expect, test } from "vitest";
import { run, startWorld, type World } from "./harness.ts";

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
    "awaitJobs",
    "cancelJob",
    "cancelJobs",
    "changeAccount",
    "changePassword",
    "createAccount",
    "createInvitation",
    "createJoinToken",
    "createServiceAccount",
    "createToken",
    "createWorkspace",
    "createWorkspaceToken",
    "deleteFolder",
    "deleteGroup",
    "deleteHook",
    "deleteHookSecret",
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
    "pauseAgent",
    "pauseHook",
    "pauseSchedule",
    "pauseTrigger",
    "previewInvitation",
    "previewSchedule",
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
