// Sends generated requests to every operation of the API's own description, in the manner of schemathesis. Seeds are fixed, so that a run can be had
// again; `npm run fuzz` goes on with new ones.
import { Agent } from "node:http";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { fc } from "../../../kernel/fast-check.fixture.ts";
import { openServedPlane, type ServedPlane } from "../../served-plane.fixture.ts";
import { type ApiDocument, answerChecker, operationsOf, send } from "./answer-check.ts";
import { type Callers, type Operation, requestTo } from "./request-arbitrary.ts";
import type { KnownValues } from "./schema-arbitrary.ts";

const RUNS = Number(process.env["MILLRACE_TEST_FUZZ_RUNS"] ?? 20);
const SEED = Number(process.env["MILLRACE_TEST_FUZZ_SEED"] ?? 20_261_122);
const WITHIN_MS = RUNS * 60_000;
/** Of a workspace that is full or throttled nothing else could be seen: what sets its limits is tried in another one. */
const ELSEWHERE = new Set(["setWorkspaceQuotas", "setWorkspaceLimits"]);

let plane: ServedPlane;
let port: number;
let document: ApiDocument;
let known: Map<string, readonly unknown[]>;
let callers: Callers;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

beforeAll(async () => {
  // Who guesses tokens would soon see nothing but 429s.
  plane = await openServedPlane({ MILLRACE_RATE_ANONYMOUS_PER_S: "0" });
  const { server } = plane;
  port = Number(new URL(server.httpUrl).port);
  document = (await (await fetch(`${server.httpUrl}/api/v1/openapi.json`)).json()) as ApiDocument;
  const { token, admin_token, agent_token } = server.credentials;
  callers = {
    good: [`Bearer ${admin_token}`, `Bearer ${admin_token}`, `Bearer ${token}`],
    bad: [undefined, "", "Bearer", "Bearer ", `Bearer ${agent_token}`, `Bearer ${token}x`, `bearer ${token}`, "Basic eDp5", `Bearer mr_job_${"1".repeat(40)}`],
  };
  await plane.makeTenant("elsewhere");
  known = await makeThings();
});

afterAll(async () => {
  agent.destroy();
  await plane.close();
});

async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
  const { status, body: answer } = await plane.ask<T>(plane.server.credentials.admin_token, "main", method, path, body);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
  return answer;
}

const BASH = { code: { language: "bash", content: 'name="$1"' } };
const ASKS_SOMEBODY = {
  value: {
    modules: [
      { id: "a", value: { type: "identity" }, suspend: { required_events: 50, timeout: 3600 } },
      { id: "b", value: { type: "identity" } },
    ],
  },
};
const AGENT_ID = "0b7a2f4e-9c55-4e0e-8a0e-2f6d5f0c1a11";
const DOCUMENT = { value: { modules: [{ id: "a", value: { type: "identity" } }] } };

/** One of each thing, so that requests find what they name. */
async function makeThings(): Promise<Map<string, readonly unknown[]>> {
  const script = await call<{ hash: string }>("POST", "/scripts", { path: "f/fuzz/script", language: "bash", content: 'name="$1"' });
  const flow = await call<{ hash: string }>("POST", "/flows", { path: "f/fuzz/flow", document: DOCUMENT });
  await call("PUT", "/variables/by-path?path=f/fuzz/thing", { value: "x" });
  await call("PUT", "/resource-types/by-name?name=fuzz", { schema: { type: "object" } });
  await call("PUT", "/resources/by-path?path=f/fuzz/thing", { type: "fuzz", value: { host: "$var:f/fuzz/thing" } });
  const ids: string[] = [];
  for (const body of [BASH, { script: "f/fuzz/script", args: { name: "x" } }, { flow: "f/fuzz/flow" }, { ...BASH, delay_s: 3600 }])
    ids.push((await call<{ id: string }>("POST", "/jobs", body)).id);
  await call("POST", `/jobs/${ids[0]}/cancel`, {});
  const { id: run } = await call<{ id: string }>("POST", "/jobs", { document: ASKS_SOMEBODY });
  const link = await vi.waitFor(async () => (await call<{ resume_url: string }>("POST", `/jobs/${run}/flow/invite`)).resume_url, 10_000);
  const task = await call<{ id: string }>("POST", "/bulk/cancel", { filter: { script: "f/fuzz/script" } });
  await plane.pool.query("INSERT INTO agent (agent_id, name, token_id) VALUES ($1, 'fuzz', 'none')", [AGENT_ID]);
  const join_ = await call<{ id: string }>("POST", "/agents/join-tokens", { label: "fuzz" });
  return new Map<string, readonly unknown[]>([
    ["workspace", ["main", "main", "main", "main", "elsewhere"]],
    ["id", [...ids, run, task.id, AGENT_ID]],
    ["hash", [script.hash, flow.hash]],
    ["flow_hash", [flow.hash]],
    ["script", ["f/fuzz/script"]],
    ["flow", ["f/fuzz/flow"]],
    ["path", ["f/fuzz/script", "f/fuzz/flow", "f/fuzz/thing", "u/fuzz/new"]],
    ["prefix", ["", "f/fuzz"]],
    ["name", ["fuzz", "fuzz2"]],
    ["type", ["fuzz", "state"]],
    ["token", [join_.id, new URL(link).pathname.split("/").at(-1)]],
    ["step", ["a"]],
    ["jobs", [[{ args: { name: "x" } }], [{ args: { name: "x" }, idempotency_key: "fuzz" }, {}]]],
    ["language", ["bash", "python3"]],
    ["content", ['name="$1"', "def main(): return 1"]],
    ["document", [DOCUMENT]],
    ["schema", [{ type: "object" }, null]],
    ["args", [{}, { name: "x" }]],
    ["cursor", [...ids, "f/fuzz/script"]],
    ["if-match", ['"1"', "*"]],
  ]);
}

/** What an operation is tried with, and which statuses came back. */
async function tryOut(operation: Operation): Promise<ReadonlySet<number>> {
  const check = answerChecker(document);
  const seen = new Set<number>();
  const here: KnownValues = ELSEWHERE.has(operation.operationId) ? new Map([...known, ["workspace", ["elsewhere"]]]) : known;
  await fc.assert(
    fc.asyncProperty(requestTo(operation, here, callers), async (request) => {
      plane.errors.length = 0;
      const answer = await send(agent, port, request);
      seen.add(answer.status);
      const wrong = check(operation, answer);
      if (wrong !== undefined)
        throw new Error(`${operation.operationId}: ${wrong}\nanswer: ${answer.text.slice(0, 500)}\nserver: ${JSON.stringify(plane.errors).slice(0, 1500)}`);
    }),
    { numRuns: RUNS, seed: SEED, endOnFailure: RUNS > 1000 },
  );
  return seen;
}

test(
  "no operation answers a generated request with a 5xx, or with anything that the description of the API does not allow",
  async () => {
    const operations = operationsOf(document);
    const failures: string[] = [];
    const without: string[] = [];
    for (const operation of operations) {
      try {
        const seen = await tryOut(operation);
        if (![...seen].some((status) => status < 300)) without.push(operation.operationId);
      } catch (error) {
        failures.push(error instanceof Error ? `${error.message}\n${error.cause instanceof Error ? error.cause.message : ""}` : String(error));
      }
    }
    expect(failures.join("\n\n")).toBe("");
    // What is only ever refused is not tried out. Some need the cookie of a session, or a job that runs: of the others most must have let some in.
    expect(without.length, `only refused: ${without.join(", ")}`).toBeLessThan(operations.length * 0.4);
  },
  WITHIN_MS,
);
