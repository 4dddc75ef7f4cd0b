import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobWithResult } from "../control-plane/jobs/contract.ts";
import { freePort } from "../loadtests/world/processes.ts";
import { ExitReason } from "../proto/gen/millrace/agent/v1/job.ts";
import { launch, run, SCRIPTS, startWorld, until, type World } from "./harness.ts";
import { RawAgent } from "./raw-agent.ts";

/** One server and one agent for all cases: none of them may hurt the others. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
  await world.startAgent("victim", SCRIPTS);
});
afterAll(async () => {
  await world.close();
});

interface Problem {
  status: number;
  code: string;
  detail: string;
  hint?: string;
  errors?: { pointer: string; message: string }[];
  request_id: string;
}

const python = (content: string, args: Record<string, unknown> = {}): Promise<JobWithResult> =>
  run(world, { code: { language: "python3", content }, args }, 30);
const bash = (content: string): Promise<JobWithResult> => run(world, { code: { language: "bash", content } }, 30);
const deploy = (body: Record<string, unknown>) => world.api<Problem>("POST", "/scripts", body);

describe("requests", () => {
  test("a path that does not exist is a 404 that names one that does", async () => {
    await deploy({ path: "f/shop/count_orders", language: "python3", content: "def main(): return 1" });
    const { status, body } = await world.api<Problem>("POST", "/jobs", { script: "f/shop/count_order" });
    expect(status).toBe(404);
    expect(body).toMatchObject({ code: "not_found", detail: "there is no script at f/shop/count_order", hint: "did you mean f/shop/count_orders?" });
  });

  test("no token, a token with a typo and a token that was never made give the same kind of 401", async () => {
    const url = `http://127.0.0.1:${world.httpPort}/api/v1/w/main/jobs`;
    const answers = await Promise.all(
      [undefined, "Bearer nonsense", `Bearer ${world.credentials.token.slice(0, -1)}x`].map((authorization) =>
        fetch(url, { headers: authorization === undefined ? {} : { authorization } }),
      ),
    );
    expect(answers.map((answer) => answer.status)).toEqual([401, 401, 401]);
    expect(answers.every((answer) => answer.headers.get("content-type")?.startsWith("application/problem+json"))).toBe(true);
  });

  test("a workspace of somebody else and one that does not exist look alike; an agent's token opens nothing", async () => {
    const ask = async (workspace: string, token: string): Promise<Problem> =>
      (await (
        await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/${workspace}/jobs`, { headers: { authorization: `Bearer ${token}` } })
      ).json()) as Problem;
    const [none, agent] = [await ask("no-such-workspace", world.credentials.token), await ask("main", world.credentials.agent_token)];
    expect([none.status, agent.status]).toEqual([404, 403]);
  });

  test("arguments that break the schema are refused with a pointer to each field", async () => {
    await deploy({ path: "f/shop/sum", language: "python3", content: "def main(numbers: list[int], label: str, round_to: int = 2):\n    return sum(numbers)" });
    const { status, body } = await world.api<Problem>("POST", "/jobs", { script: "f/shop/sum", args: { numbers: [1, "two"], lable: "x" } });
    expect(status).toBe(400);
    expect(body.errors?.map((error) => error.pointer).sort()).toEqual(["/args/label", "/args/lable", "/args/numbers/1"]);
    const batch = await world.api<Problem>("POST", "/jobs/batch", {
      script: "f/shop/sum",
      jobs: [{ args: { numbers: [], label: "" } }, { args: { numbers: 1, label: "" } }],
    });
    expect(batch.body.errors?.map((error) => error.pointer)).toEqual(["/jobs/1/args/numbers"]);
  });

  test("a body that is not JSON, an unknown field, and two ways to name the code at once are 400s", async () => {
    const headers = { authorization: `Bearer ${world.credentials.token}`, "content-type": "application/json" };
    const broken = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/jobs`, { method: "POST", headers, body: "{not json" });
    const unknown = await world.api<Problem>("POST", "/jobs", { script: "f/shop/sum", workspace_id: 7 });
    const both = await world.api<Problem>("POST", "/jobs", { script: "f/shop/sum", code: { language: "bash", content: "" } });
    expect([broken.status, unknown.status, both.status]).toEqual([400, 400, 400]);
    expect(both.body.detail).toMatch(/exactly one of script, hash, code, flow/);
  });

  test("arguments and code over the limit are 413s that name the field", async () => {
    const args = await world.api<Problem>("POST", "/jobs", { code: { language: "bash", content: "" }, args: { text: "x".repeat(1024 * 1024) } });
    const code = await world.api<Problem>("POST", "/jobs", { code: { language: "bash", content: `#${"x".repeat(1024 * 1024)}` } });
    const body = await world.api<Problem>("POST", "/jobs", { code: { language: "bash", content: "x".repeat(5 * 1024 * 1024) } });
    expect([args.status, code.status, body.status]).toEqual([413, 413, 413]);
    expect([args.body.errors?.[0]?.pointer, code.body.errors?.[0]?.pointer]).toEqual(["/args", "/code/content"]);
    const fits = await run(world, { code: { language: "bash", content: 'text="$1"\necho "${#text}"' }, args: { text: "x".repeat(1024 * 1024 - 20) } }, 30);
    expect(fits).toMatchObject({ status: "succeeded", result: 1024 * 1024 - 20 });
  });

  test("an unknown language, an unknown job, an id that is none and a bad cursor have their own words", async () => {
    const language = await world.api<Problem>("POST", "/jobs", { code: { language: "cobol", content: "" } });
    const job = await world.api<Problem>("GET", "/jobs/01a20000-36dd-7000-aeb1-1bbad5bb6980");
    const id = await world.api<Problem>("GET", "/jobs/nonsense");
    const cursor = await world.api<Problem>("GET", "/jobs?cursor=nonsense");
    expect([language.status, job.status, id.status, cursor.status]).toEqual([400, 404, 404, 400]);
    expect(language.body.detail).toBe('there is no runtime for language "cobol"');
  });
});

describe("NUL and halves of characters", () => {
  const invalid = (pointer: string) => ({ status: 400, body: { code: "invalid_argument", errors: [{ pointer }] } });

  test("a cancel reason with NUL is refused, and the job that waits is as it was", async () => {
    const waiting = await run(world, { code: { language: "bash", content: "true" }, tag: "nobody-serves-this" });
    const running = await run(world, { code: { language: "bash", content: "while :; do sleep 0.1; done" } });
    await until("it runs", async () => (await world.api<JobWithResult>("GET", `/jobs/${running.id}`)).body.status === "running");
    for (const { id } of [waiting, running]) {
      expect(await world.api("POST", `/jobs/${id}/cancel`, { reason: "a\u0000b" })).toMatchObject(invalid("/reason"));
    }
    expect((await world.api<JobWithResult>("GET", `/jobs/${waiting.id}`)).body).toMatchObject({
      status: "queued",
      wait_reason: "no agent with tag nobody-serves-this is connected",
    });
    for (const { id } of [waiting, running]) {
      expect((await world.api("POST", `/jobs/${id}/cancel`, { reason: "half \ud800" })).status).toBe(202);
      await until("it has ended", async () => (await world.api<JobWithResult>("GET", `/jobs/${id}`)).body.status === "cancelled");
      expect((await world.api<JobWithResult>("GET", `/jobs/${id}`)).body.exit).toMatchObject({ reason: "cancelled", message: "half \uFFFD" });
    }
  });

  test("no text of a script or a query that the database cannot hold gets as far as the database", async () => {
    const script = { path: "f/nul/script", language: "bash", content: "true" };
    expect(await deploy({ ...script, summary: "\u0000" })).toMatchObject(invalid("/summary"));
    expect(await deploy({ ...script, content: "true \u0000" })).toMatchObject(invalid("/content"));
    for (const key of ["a\u0000", "a\ud800"])
      expect(await deploy({ ...script, concurrency: [{ key, limit: 1 }] })).toMatchObject(invalid("/concurrency/0/key"));
    for (const text of ["\\x00", "\\ud800"]) {
      const content = `def main(text: str = "${text}"): return text`;
      expect(await deploy({ ...script, language: "python3", content })).toMatchObject(invalid("/content"));
    }
    const code = { language: "bash", content: "true" };
    expect(await world.api("POST", "/jobs", { code, concurrency: [{ key: "\u0000", limit: 1 }] })).toMatchObject(invalid("/concurrency/0/key"));
    for (const path of ["?prefix=%00", "?cursor=%00", "/by-path?path=%00", "/by-hash/%00"])
      expect((await world.api("GET", `/scripts${path}`)).status).toBe(400);
    const headers = { authorization: `Bearer ${world.credentials.token}` };
    expect((await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/%00/jobs`, { headers })).status).toBe(404);
    for (const path of ["?script=%00", "?cursor=%00"]) expect((await world.api("GET", `/jobs${path}`)).status).toBe(400);
    expect((await world.api("GET", "/jobs/%00")).status).toBe(404);
    expect(await world.api("POST", "/jobs", { code }, { "idempotency-key": "%00" })).toMatchObject({ status: 201 });
  });

  test("NUL in what an agent says of itself and of an attempt is replaced", async () => {
    const tags = ["for-raw-agents"];
    const agent = new RawAgent(`127.0.0.1:${world.grpcPort}`, world.credentials.agent_token, { agentName: "nul\u0000", host: "\u0000", tags });
    const { id } = await run(world, { code: { language: "bash", content: "true" }, tag: "for-raw-agents" });
    const { token } = await agent.assigned();
    const exit = { reason: ExitReason.EXIT_REASON_SIGNAL, code: 0, signal: "SIG\u0000", message: "why\u0000" };
    const numbers = { startedAtUs: 0, finishedAtUs: 0, logChunks: 0, logBytes: 0, logDroppedBytes: 0 };
    agent.send({ finished: [{ jobId: id, token, exit, resultJson: '"\u0000"', ...numbers }] });
    await until("it has ended", async () => (await world.api<JobWithResult>("GET", `/jobs/${id}`)).body.status === "failed");
    const { body } = await world.api<JobWithResult>("GET", `/jobs/${id}`);
    expect(body).toMatchObject({ agent: "nul\uFFFD", exit: { reason: "signal", signal: "SIG\uFFFD", message: "why\uFFFD" } });
    expect((await world.api("GET", `/jobs/${id}/result`)).body).toBe("\uFFFD");
    agent.close();
  });
});

describe("scripts", () => {
  test.each([
    ["python3", "def main():\n    x = (1 +\n    return x\n", 2],
    ["typescript", "export function main() {\n  const a = ;\n}\n", 2],
  ])("a syntax error in %s is refused at deploy, and ends an inline job, with its line", async (language, content, line) => {
    const refused = await deploy({ path: "f/broken/script", language, content });
    expect(refused.status).toBe(400);
    expect(refused.body.detail).toMatch(new RegExp(`^syntax error in line [${line}${line + 1}]:`));
    const ended = await run(world, { code: { language, content } }, 30);
    expect(ended).toMatchObject({ status: "failed", exit: { reason: "syntax_error" } });
    expect(JSON.stringify(ended.result)).toMatch(new RegExp(`line [${line}${line + 1}]`));
  });

  test("code without a main is refused at deploy, with how to begin", async () => {
    const { status, body } = await deploy({ path: "f/broken/script", language: "python3", content: "print('hello')" });
    expect(status).toBe(400);
    expect(body).toMatchObject({ detail: "the script has no function main", hint: "start with: def main(name: str):" });
  });

  test("an exception fails the job with its name, message and the user's own line", async () => {
    const ended = await python("def main():\n    return {}['key']");
    expect(ended).toMatchObject({ status: "failed", exit: { reason: "exit_code", code: 1 } });
    expect(ended.result).toMatchObject({ error: { name: "KeyError", message: "'key'" } });
    expect(JSON.stringify(ended.result)).toMatch(/main\.py.*line 2/);
  });

  test("a result that is not JSON and one over the limit end the job with the reason", async () => {
    expect(await python("def main():\n    return {1, 2}")).toMatchObject({ status: "failed", exit: { reason: "result_invalid" } });
    expect(await python("def main():\n    return float('nan')")).toMatchObject({ status: "failed", exit: { reason: "result_invalid" } });
    expect(await python("def main():\n    return 'x' * 3_000_000")).toMatchObject({ status: "failed", exit: { reason: "result_too_large" } });
  });

  test("large integers and awkward strings come back as they were", async () => {
    const ended = await python("def main(text: str):\n    print(12345678901234567890)\n    return {'text': text, 'nul': chr(0), 'half': chr(0xd800)}", {
      text: 'quote " back \\ nul \u0000 end \u2028',
    });
    expect(ended.status).toBe("succeeded");
    expect(ended.result).toMatchObject({ text: 'quote " back \\ nul \u0000 end \u2028', nul: "\u0000" });
    const { body } = await world.api<string>("GET", `/jobs/${ended.id}/logs`);
    expect(body).toBe("12345678901234567890\n");
    const answer = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/jobs?wait=30`, {
      method: "POST",
      headers: { authorization: `Bearer ${world.credentials.token}`, "content-type": "application/json" },
      body: '{"code":{"language":"python3","content":"def main(id): return id + 1"},"args":{"id":12345678901234567890}}',
    });
    expect(await answer.text()).toMatch(/"result":12345678901234567891}$/);
  });

  test("what a job says in the words of a page is text wherever it is read, and no browser takes it for a page (S-60)", async () => {
    const page = "<script>fetch('//evil')</script><img src=x onerror=alert(1)> [ok](javascript:alert(1)) </textarea>";
    expect((await deploy({ path: "f/shop/page", language: "python3", summary: page, content: "def main(): return 1" })).status).toBe(201);
    const code = [
      "import sys",
      "def main(page: str, fails: bool):",
      "    print(page)",
      "    print(page, file=sys.stderr)",
      "    if fails:",
      "        raise ValueError(page)",
    ];
    const content = [...code, "    return {'html': page, page: page}"].join("\n");
    const [good, bad] = [await python(content, { page, fails: false }), await python(content, { page, fails: true })];
    const ask = async (path: string): Promise<{ type: string; headers: Headers; text: string }> => {
      const answer = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main${path}`, {
        headers: { authorization: `Bearer ${world.credentials.token}`, accept: "text/html,application/xhtml+xml" },
      });
      return { type: answer.headers.get("content-type") ?? "", headers: answer.headers, text: await answer.text() };
    };
    const log = await ask(`/jobs/${good.id}/logs`);
    expect(log.text).toBe(`${page}\n${page}\n`);
    expect(log.type).toBe("text/plain; charset=utf-8");
    expect([log.headers.get("x-content-type-options"), log.headers.get("content-security-policy")]).toEqual(["nosniff", "sandbox"]);
    const followed = await ask(`/jobs/${good.id}/logs?follow=true`);
    expect([followed.type, followed.text.includes("<script>")]).toEqual([expect.stringMatching(/^text\/event-stream/), true]);
    const saying = await Promise.all([`/jobs/${good.id}/result`, `/jobs/${good.id}/args`, `/jobs/${bad.id}`, `/jobs/${bad.id}/result`, "/scripts"].map(ask));
    for (const { text } of saying) expect(text).toContain("<script>");
    const path = encodeURIComponent(page);
    const others = [...saying, ...(await Promise.all([`/jobs/${path}`, `/scripts/${path}`, `/${path}`].map(ask)))];
    for (const { type } of others) expect(type).toMatch(/^application\/(?:problem\+)?json\b/);
    expect(good.result).toEqual({ html: page, [page]: page });
    expect(bad.result).toMatchObject({ error: { name: "ValueError", message: page } });
  });

  test("a job that forks children and exits ends at once and leaves nothing behind", async () => {
    // The answer comes within 30 s: long before its children would have ended.
    const ended = await bash("for i in 1 2 3 4 5; do (setsid sleep 300 &) ; done; echo '\"gone\"'");
    expect(ended).toMatchObject({ status: "succeeded", result: "gone" });
  });

  test("exit codes, signals and timeouts are exact", async () => {
    expect(await bash("exit 7")).toMatchObject({ status: "failed", exit: { reason: "exit_code", code: 7 } });
    expect(await python("import os, signal\ndef main():\n    os.kill(os.getpid(), signal.SIGKILL)")).toMatchObject({
      status: "failed",
      exit: { reason: "signal", signal: "SIGKILL" },
    });
    const late = await run(world, { code: { language: "bash", content: "sleep 60" }, timeout_ms: 500 }, 30);
    expect(late).toMatchObject({ status: "failed", exit: { reason: "timeout" } });
  });

  test("cancelling: a waiting job ends at once, a running one by SIGTERM, an ended one is a 409", async () => {
    const waiting = await run(world, { code: { language: "bash", content: "true" }, tag: "nobody-serves-this" });
    await until(
      "the wait reason is shown",
      async () => (await world.api<JobWithResult>("GET", `/jobs/${waiting.id}`)).body.wait_reason === "no agent with tag nobody-serves-this is connected",
    );
    expect((await world.api<JobWithResult>("POST", `/jobs/${waiting.id}/cancel`, { reason: "not needed" })).body).toMatchObject({
      status: "cancelled",
      exit: { reason: "cancelled", message: "not needed" },
    });
    const running = await run(world, { code: { language: "bash", content: "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.1; done" } });
    await until("it runs", async () => (await world.api<string>("GET", `/jobs/${running.id}/logs`)).body === "ready\n");
    expect((await world.api("POST", `/jobs/${running.id}/cancel`)).status).toBe(202);
    await until("it has ended", async () => (await world.api<JobWithResult>("GET", `/jobs/${running.id}`)).body.status === "cancelled");
    expect((await world.api<string>("GET", `/jobs/${running.id}/logs`)).body).toMatch(/^ready\n(Terminated\n)?bye\n$/);
    const again = await world.api<Problem>("POST", `/jobs/${running.id}/cancel`);
    expect([again.status, again.body.code]).toEqual([409, "failed_precondition"]);
  });
});

describe("reach of a job", () => {
  test("tokens, agent environment, spool, other jobs and the database folder are out of reach", async () => {
    const canary = "canary-7f3a";
    mkdirSync(join(world.dir, "server", "postgres"), { recursive: true });
    writeFileSync(join(world.dir, "server", "postgres", "canary"), canary, { mode: 0o644 });
    writeFileSync(join(world.dir, "agent-victim", "spool", "canary"), canary, { mode: 0o644 });
    const secrets = [canary, world.credentials.agent_token, world.credentials.token];
    const ended = await bash(`
      cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'
      cat ${world.dir}/server/postgres/canary ${world.dir}/server/credentials.json ${world.dir}/agent-victim/spool/canary 2>&1
      find / -xdev -name 'canary' -o -name 'credentials.json' -o -name 'agent-id' 2>/dev/null
      ls ${world.dir} /tmp/millrace* /var/lib/millrace* 2>&1
      (exec 3<>/dev/tcp/127.0.0.1/${world.httpPort}) 2>&1 && echo connected
      env
      true`);
    const { body } = await world.api<string>("GET", `/jobs/${ended.id}/logs`);
    expect(body).toMatch(/MILLRACE_JOB_ID=/);
    for (const secret of secrets) expect(body.includes(secret)).toBe(false);
    expect(body).not.toMatch(/^connected$/m);
    expect(body).not.toMatch(/^\/.*(canary|credentials\.json|agent-id)$/m);
  });
});

describe.concurrent("starting", () => {
  const outcome = async (env: NodeJS.ProcessEnv, args = ["server"]): Promise<{ code: number | null; said: string }> => {
    const dir = mkdtempSync(join(world.dir, "start-"));
    const process = launch(args, { MILLRACE_STATE_DIR: dir, MILLRACE_HTTP_PORT: "0", MILLRACE_GRPC_PORT: "0", ...env }, join(dir, "said.log"));
    await until("it has given up", async () => process.child.exitCode !== null || process.child.signalCode !== null);
    return { code: process.child.exitCode, said: readFileSync(process.logFile, "utf8") };
  };

  test("a port in use, for people or for agents, is said with the setting that changes it", async () => {
    const http = await outcome({ MILLRACE_DATABASE_URL: world.databaseUrl, MILLRACE_HTTP_PORT: String(world.httpPort) });
    expect(http.code).not.toBe(0);
    expect(http.said).toMatch(/cannot be opened.*EADDRINUSE/s);
    expect(http.said).toMatch(/MILLRACE_HTTP_PORT/);
    const grpc = await outcome({ MILLRACE_DATABASE_URL: world.databaseUrl, MILLRACE_GRPC_PORT: String(world.grpcPort) });
    expect(grpc.code).not.toBe(0);
    expect(grpc.said).toMatch(/MILLRACE_GRPC_PORT/);
  });

  test("a state folder that cannot be written is said with its name", async () => {
    const { code, said } = await outcome({ MILLRACE_STATE_DIR: "/proc/nowhere" });
    expect(code).not.toBe(0);
    expect(said).toMatch(/"\/proc\/nowhere" cannot be made/);
  });

  test("a setting that does not exist and one out of range are named, all at once", async () => {
    const { code, said } = await outcome({ MILLRACE_HTTP_PROT: "1", MILLRACE_HTTP_PORT: "70000" });
    expect(code).not.toBe(0);
    expect(said).toMatch(/MILLRACE_HTTP_PROT: there is no such setting/);
    expect(said).toMatch(/MILLRACE_HTTP_PORT/);
  });

  test("Postgres down at start is waited for, then said", async () => {
    const port = await freePort();
    const env = { MILLRACE_DATABASE_URL: `postgres://nobody@127.0.0.1:${port}/none`, MILLRACE_DATABASE_WAIT_MS: "3000" };
    const { code, said } = await outcome(env);
    expect(code).toBe(7);
    expect(said).toMatch(/Postgres does not answer yet/);
    expect(said).toMatch(/Postgres does not answer: .*ECONNREFUSED/);
  });

  test("an agent with a wrong token says why and exits", async () => {
    const env = {
      MILLRACE_GRPC_ADDRESS: `127.0.0.1:${world.grpcPort}`,
      MILLRACE_AGENT_TOKEN: "mr_agt_wrong",
      MILLRACE_AGENT_DATA_DIR: join(world.dir, "agent-wrong"),
    };
    const { code, said } = await outcome({ ...env, MILLRACE_HTTP_PORT: "", MILLRACE_GRPC_PORT: "" }, ["agent"]);
    expect(code).not.toBe(0);
    expect(said).toMatch(/the token is unknown, expired or revoked/);
  });
});
