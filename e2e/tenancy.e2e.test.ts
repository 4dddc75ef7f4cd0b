import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setMember } from "../control-plane/access/member-store.ts";
import { openTestPool } from "../control-plane/db/test-database.ts";
import type { Role } from "../control-plane/http/authorize.ts";
import { generateToken } from "../control-plane/identity/token-format.ts";
import { asAccountId, asWorkspaceId } from "../kernel/ids.ts";
import { job, run, startWorld, until, untilEnded, type World } from "./harness.ts";
import { RawAgent } from "./raw-agent.ts";

/** Every route of variables, resources, triggers and hooks, with what is ours. */
const THINGS: [string, string, unknown?][] = [
  ["GET", "/variables"],
  ["GET", "/variables/by-path?path=f/ours/plain"],
  ["GET", "/variables/value?path=f/ours/plain"],
  ["PUT", "/variables/by-path?path=f/ours/plain", { value: "theirs now" }],
  ["DELETE", "/variables/by-path?path=f/ours/plain"],
  ["GET", "/resources"],
  ["GET", "/resources/by-path?path=f/ours/thing"],
  ["GET", "/resources/value?path=f/ours/thing"],
  ["PUT", "/resources/by-path?path=f/ours/thing", { value: 1 }],
  ["DELETE", "/resources/by-path?path=f/ours/thing"],
  ["GET", "/resource-types"],
  ["GET", "/resource-types/by-name?name=thing"],
  ["PUT", "/resource-types/by-name?name=thing", {}],
  ["DELETE", "/resource-types/by-name?name=thing"],
  ...["/triggers", "/hooks"].flatMap((base): [string, string, unknown?][] => [
    ["GET", base],
    ["GET", `${base}/by-path?path=f/ours/thing`],
    ["PUT", `${base}/by-path?path=f/ours/thing`, {}],
    ["DELETE", `${base}/by-path?path=f/ours/thing`],
    ["POST", `${base}/pause?path=f/ours/thing`],
    ["POST", `${base}/resume?path=f/ours/thing`],
    ["GET", `${base}/secrets?path=f/ours/thing`],
    ["POST", `${base}/secrets?path=f/ours/thing`],
    ["DELETE", `${base}/secrets?path=f/ours/thing&id=1`],
  ]),
  ["GET", "/triggers/calls?path=f/ours/thing"],
  ["GET", "/hooks/deliveries?path=f/ours/thing"],
  ["GET", "/hooks/deliveries/1"],
  ["POST", "/hooks/deliveries/1/again"],
  ["POST", "/hooks/test?path=f/ours/thing"],
];

/** Two workspaces on one server: ours (main) and theirs, each with things of its own. */
let world: World;
let theirToken: string;
let theirAgent: string;
let ourJob: string;
let ourHash: string;

beforeAll(async () => {
  world = await startWorld();
  const client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  const { rows } = await client.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('theirs') RETURNING id::text");
  const [user, agent] = [generateToken("workspace"), generateToken("agent")];
  for (const token of [user, agent]) {
    await client.query("INSERT INTO token (id, secret_hash, kind, workspace_id, label) VALUES ($1, $2, $3, $4, 'test')", [
      token.id,
      token.secretHash,
      token.kind,
      rows[0]?.id,
    ]);
  }
  await client.end();
  theirToken = user.text;
  theirAgent = agent.text;
  await world.startAgent("shared");
  const script = await world.api<{ hash: string }>("POST", "/scripts", { path: "f/ours/secret", language: "bash", content: "echo our-secret" });
  ourHash = script.body.hash;
  ourJob = (await run(world, { script: "f/ours/secret" }, 20)).id;
  await world.api("PUT", "/variables/by-path?path=f/ours/plain", { value: "our-value" });
  await world.api("PUT", "/variables/by-path?path=f/ours/key", { value: "our-hidden-value", is_secret: true });
  await world.api("PUT", "/resources/by-path?path=f/ours/thing", { type: "thing", value: { of: "ours" } });
});
afterAll(async () => {
  await world.close();
});

async function ask(token: string, workspace: string, method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/${workspace}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { "content-type": "application/json" }) },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text() };
}

describe("two workspaces", () => {
  test("a token of one opens no route of the other", async () => {
    const routes: [string, string, unknown?][] = [
      ["GET", "/jobs"],
      ["GET", `/jobs/${ourJob}`],
      ["GET", `/jobs/${ourJob}/result`],
      ["GET", `/jobs/${ourJob}/args`],
      ["GET", `/jobs/${ourJob}/logs`],
      ["GET", `/jobs/${ourJob}/logs?follow=true`],
      ["POST", `/jobs/${ourJob}/cancel`, {}],
      ["POST", "/jobs", { script: "f/ours/secret" }],
      ["POST", "/jobs/batch", { script: "f/ours/secret", jobs: [{}] }],
      ["GET", "/scripts"],
      ["GET", "/scripts/by-path?path=f/ours/secret"],
      ["GET", `/scripts/by-hash/${ourHash}`],
      ["POST", "/scripts", { path: "f/ours/secret", language: "bash", content: "echo mine now" }],
      ["GET", "/scripts/versions?path=f/ours/secret"],
      ["POST", "/scripts/archive", { path: "f/ours/secret" }],
      ["POST", "/scripts/unarchive", { path: "f/ours/secret" }],
      ["POST", "/scripts/move", { path: "f/ours/secret", to: "f/theirs/now" }],
      ["GET", "/flows"],
      ["POST", "/flows/archive", { path: "f/ours/secret" }],
      ["POST", "/flows/unarchive", { path: "f/ours/secret" }],
      ["POST", "/flows/move", { path: "f/ours/secret", to: "f/theirs/now" }],
      ["GET", "/drafts"],
      ["GET", "/drafts/by-path?kind=script&path=f/ours/secret"],
      ["PUT", "/drafts/by-path?kind=script&path=f/ours/secret", { value: {} }],
      ["DELETE", "/drafts/by-path?kind=script&path=f/ours/secret"],
      ["GET", "/flows/by-path?path=f/ours/secret"],
      ["GET", "/flows/versions?path=f/ours/secret"],
      ["GET", `/flows/by-hash/${ourHash}`],
      ["POST", "/flows", { path: "f/ours/secret", document: { summary: "mine now", value: { modules: [] } } }],
      ["GET", `/jobs/${ourJob}/flow`],
      ["GET", `/jobs/${ourJob}/flow/events`],
      ["POST", `/jobs/${ourJob}/flow/invite`, { approver: "me" }],
      ["POST", `/jobs/${ourJob}/flow/answer`, { approve: true }],
      ["POST", `/jobs/${ourJob}/flow/restart`, {}],
      ["POST", "/flows/test", { job: ourJob, step: "a" }],
      ["GET", "/agents"],
      ["PUT", `/jobs/${ourJob}/progress`, { percent: 1 }],
      ["GET", `/jobs/${ourJob}/checkpoints`],
      ["POST", `/jobs/${ourJob}/checkpoints`, { checkpoints: [{ kind: "step", name: "a" }] }],
      ["POST", `/jobs/${ourJob}/tasks`, { tasks: [{ name: "a", job: { script: "f/ours/secret" } }] }],
      ["POST", "/jobs/ends", { ids: [ourJob] }],
      ...THINGS,
      ["POST", "/secrets/rotate"],
      ["GET", "/secrets/keys"],
    ];
    for (const [method, path, body] of routes) {
      const answer = await ask(theirToken, "main", method, path, body);
      expect([method, path, answer.status]).toEqual([method, path, 404]);
      expect(answer.text).toMatch(/no such workspace, or the token has no access/);
    }
  });

  test("ids of one mean nothing in the other: the answer is the one for what never existed", async () => {
    const nowhere = "01a20000-36dd-7000-aeb1-1bbad5bb6980";
    for (const [method, suffix, body] of [
      ["GET", ""],
      ["GET", "/result"],
      ["GET", "/args"],
      ["GET", "/logs"],
      ["POST", "/cancel", {}],
      ["GET", "/checkpoints"],
      ["GET", "/flow"],
      ["GET", "/flow/events"],
      ["POST", "/flow/invite", { approver: "me" }],
      ["POST", "/flow/answer", { approve: true }],
      ["POST", "/flow/restart", {}],
    ] as const) {
      const foreign = await ask(theirToken, "theirs", method, `/jobs/${ourJob}${suffix}`, body);
      const missing = await ask(theirToken, "theirs", method, `/jobs/${nowhere}${suffix}`, body);
      expect([foreign.status, missing.status]).toEqual([404, 404]);
      const shape = (text: string): string =>
        text
          .replaceAll(ourJob, "ID")
          .replaceAll(nowhere, "ID")
          .replace(/"request_id":"[^"]+"/, "");
      expect(shape(foreign.text)).toBe(shape(missing.text));
    }
    expect((await ask(theirToken, "theirs", "POST", "/jobs", { hash: ourHash })).status).toBe(404);
    expect((await ask(theirToken, "theirs", "POST", "/jobs", { script: "f/ours/secre" })).text).not.toMatch(/secret/);
    expect(JSON.parse((await ask(theirToken, "theirs", "GET", "/jobs")).text)).toEqual({ jobs: [] });
    expect(JSON.parse((await ask(theirToken, "theirs", "GET", "/scripts")).text)).toEqual({ scripts: [] });
  });

  test("paths of one mean nothing in the other, neither to people nor to jobs; what is written under them stays apart", async () => {
    for (const path of ["/variables/by-path?path=f/ours/plain", "/variables/value?path=f/ours/key", "/resources/by-path?path=f/ours/thing"])
      expect((await ask(theirToken, "theirs", "GET", path)).status).toBe(404);
    for (const name of ["variables/get_value/f/ours/plain", "resources/get_value/f/ours/thing"]) {
      const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/w/main/${name}`, { headers: { authorization: `Bearer ${theirToken}` } });
      expect(response.status).toBe(404);
    }
    const code = { language: "bash", content: 'v="$1"\necho "$v"' };
    const job = JSON.parse((await ask(theirToken, "theirs", "POST", "/jobs?wait=20", { code, args: { v: "$var:f/ours/key" } })).text) as { exit: unknown };
    expect(job.exit).toMatchObject({ reason: "input_missing", message: "$var:f/ours/key: there is no variable f/ours/key in this workspace" });
    expect((await ask(theirToken, "theirs", "PUT", "/variables/by-path?path=f/ours/plain", { value: "their-value" })).status).toBe(201);
    expect((await world.api("GET", "/variables/value?path=f/ours/plain")).body).toEqual({ value: "our-value" });
    expect(JSON.parse((await ask(theirToken, "theirs", "GET", "/variables")).text)).toMatchObject({ variables: [{ path: "f/ours/plain" }] });
  });

  test("an agent of one workspace gets its jobs only, and is shown to it only", async () => {
    const own = new RawAgent(`127.0.0.1:${world.grpcPort}`, theirAgent, { agentName: "theirs-own", slots: 5, tags: ["private"] });
    try {
      await until("it is welcome", async () => own.frames.length > 0);
      const ours = await run(world, { code: { language: "bash", content: "true" }, tag: "private" });
      const theirs = JSON.parse((await ask(theirToken, "theirs", "POST", "/jobs", { code: { language: "bash", content: "true" }, tag: "private" })).text) as {
        id: string;
      };
      expect((await own.assigned()).jobId).toBe(theirs.id);
      expect((await job(world, ours.id)).wait_reason).toBe("no agent with tag private is connected");
      expect(own.frames.flatMap((frame) => frame.assign).map((bundle) => bundle.jobId)).toEqual([theirs.id]);
      expect((await world.api<{ agents: { name: string }[] }>("GET", "/agents")).body.agents.map((agent) => agent.name)).toEqual(["shared"]);
      await world.api("POST", `/jobs/${ours.id}/cancel`);
      expect((await untilEnded(world, ours.id)).status).toBe("cancelled");
    } finally {
      own.close();
    }
  });
});

test("a job that a member starts reads what the member may, and what is beside its code: by reference, by its own token, in expressions of flows", async () => {
  const token = await memberToken("olga@example.com", "operator");
  await world.api("PUT", "/variables/by-path?path=f/tools/own", { value: "beside the code" });
  await world.api("PUT", "/folders/by-path?path=f/tools", { grants: [{ level: "read" }] });
  const content = `v="$1"
curl -sS --unix-socket "$MILLRACE_API_SOCKET" -o /dev/null -w '%{http_code}\\n' -H "authorization: Bearer $MILLRACE_TOKEN" 'http://m/api/v1/w/main/variables/by-path?path=f/ours/plain'
curl -sS --unix-socket "$MILLRACE_API_SOCKET" -o /dev/null -w '%{http_code}\\n' -H "authorization: Bearer $MILLRACE_TOKEN" 'http://m/api/v1/w/main/variables/by-path?path=f/tools/own'
echo "$v"`;
  await world.api("POST", "/scripts", { path: "f/tools/look", language: "bash", content });
  const runIt = async (by: string, body: object): Promise<{ id: string; status: string; exit: { message?: string } }> =>
    JSON.parse((await ask(by, "main", "POST", "/jobs?wait=20", body)).text) as { id: string; status: string; exit: { message?: string } };
  const printed = async (by: string, v: string): Promise<string> =>
    (await ask(by, "main", "GET", `/jobs/${(await runIt(by, { script: "f/tools/look", args: { v } })).id}/logs`)).text;
  expect(await printed(token, "$var:f/tools/own")).toBe("404\n200\nbeside the code\n");
  expect(await printed(world.credentials.token, "$var:f/ours/plain")).toBe("200\n200\nour-value\n");
  const refused = await runIt(token, { script: "f/tools/look", args: { v: "$var:f/ours/plain" } });
  expect(refused.status).toBe("failed");
  expect(refused.exit.message).toContain("there is nothing at f/ours/plain, or whoever");

  const flow = (path: string) => ({
    value: { modules: [{ id: "a", value: { type: "identity", input_transforms: { v: { type: "javascript", expr: `variable('${path}')` } } } }] },
  });
  await world.api("POST", "/flows", { path: "f/tools/other", document: { summary: "", ...flow("f/ours/plain") } });
  await world.api("POST", "/flows", { path: "f/tools/beside", document: { summary: "", ...flow("f/tools/own") } });
  expect((await runIt(world.credentials.token, { flow: "f/tools/other" })).status).toBe("succeeded");
  expect((await runIt(token, { flow: "f/tools/other" })).status).toBe("failed");
  expect((await runIt(token, { flow: "f/tools/beside" })).status).toBe("succeeded");
});

/** A member of our workspace, with a token of its own. */
async function memberToken(email: string, role: Role): Promise<string> {
  const pool = openTestPool(world.databaseUrl);
  const token = generateToken("personal");
  const { rows } = await pool.query<{ account: string; workspace: string }>(
    `INSERT INTO account (email, name, created_by) VALUES ($1, 'test', 'test')
     RETURNING id::text AS account, (SELECT id::text FROM workspace WHERE name = 'main') AS workspace`,
    [email],
  );
  const [account, workspace] = [asAccountId(rows[0]?.account ?? ""), asWorkspaceId(rows[0]?.workspace ?? "")];
  await setMember(pool, workspace, account, role);
  await pool.query("INSERT INTO token (id, secret_hash, kind, workspace_id, label, account_id) VALUES ($1, $2, 'personal', $3, 'test', $4)", [
    token.id,
    token.secretHash,
    workspace,
    account,
  ]);
  await pool.end();
  return token.text;
}
