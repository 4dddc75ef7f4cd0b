import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXAMPLES, NAMED } from "../control-plane/http/openapi-words.ts";
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

interface Operation {
  operationId: string;
  summary: string;
  tags: string[];
  "x-permission": string;
  security?: object[];
  parameters?: { name: string; description?: string; schema?: { description?: string } }[];
  requestBody?: { content: Record<string, { schema: object; example?: unknown }> };
  responses: Record<string, { description: string; headers?: object; content?: object }>;
}
interface Document {
  openapi: string;
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
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

test("the description of the API tells readers what everything is, and its examples are requests that it describes", async () => {
  const document = (await (await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/openapi.json`)).json()) as Document;
  const operations = Object.values(document.paths).flatMap((methods) => Object.values(methods));
  const tags = new Set(document.tags.map(({ name }) => name));
  const silent = operations.flatMap(({ operationId, summary, parameters = [], responses, tags: [tag = "", ...more] }) => [
    ...(summary === undefined || !tags.has(tag) || more.length > 0 ? [operationId] : []),
    ...parameters.flatMap(({ name, description, schema }) => ((description ?? schema?.description) === undefined ? [`${operationId} ${name}`] : [])),
    ...Object.entries(responses).flatMap(([status, { description }]) => (description === "Default Response" ? [`${operationId} ${status}`] : [])),
  ]);
  expect(silent).toEqual([]);
  expect([...tags].filter((tag) => !operations.some((operation) => operation.tags.includes(tag)))).toEqual([]);
  expect(Object.keys(NAMED).filter((name) => document.components.schemas[name] === undefined)).toEqual([]);
  for (const { operationId, security, "x-permission": permission } of operations)
    expect([operationId, security]).toEqual([operationId, permission === "public" ? [] : undefined]);
  const ajv = new Ajv2020({ strict: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: "doc", components: document.components });
  const withExamples = operations.filter(({ requestBody }) => requestBody?.content["application/json"]?.example !== undefined);
  expect(withExamples.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(EXAMPLES).sort());
  for (const { operationId, requestBody } of withExamples) {
    const { schema, example } = requestBody?.content["application/json"] ?? { schema: {} };
    const validate = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"doc#/components')));
    expect([operationId, validate(example), validate.errors]).toEqual([operationId, true, null]);
  }
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

test("what was made says where it is, and a query that a route does not know is refused by name", async () => {
  const api = `http://127.0.0.1:${world.httpPort}/api/v1/w/main`;
  const headers = { authorization: `Bearer ${world.credentials.token}`, "content-type": "application/json" };
  const ask = (path: string, body?: object) =>
    fetch(`${api}${path}`, body === undefined ? { headers } : { method: "POST", headers, body: JSON.stringify(body) });
  for (const [path, body, place] of [
    ["/jobs", { code: { language: "bash", content: "true" }, delay_s: 3600 }, /^\/api\/v1\/w\/main\/jobs\/[0-9a-f-]{36}$/],
    ["/scripts", { path: "f/at/script", language: "bash", content: "true" }, /^\/api\/v1\/w\/main\/scripts\/by-hash\/[0-9a-f]{64}$/],
  ] as const) {
    const made = await ask(path, body);
    const location = made.headers.get("location") ?? "";
    expect([made.status, location]).toEqual([201, expect.stringMatching(place)]);
    expect((await fetch(new URL(location, api), { headers })).status).toBe(200);
  }
  const refused = await ask("/quotas?workspace=other");
  expect([refused.status, await refused.json()]).toEqual([400, expect.objectContaining({ detail: expect.stringContaining("workspace") })]);
});
