import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobWithResult } from "../control-plane/jobs/contract.ts";
import { job, type Process, run, SCRIPTS, startWorld, untilEnded, type World } from "./harness.ts";

/** Variables, secrets, resources and states, as jobs use them: from a sandbox without a network, in Python, TypeScript and Bash. */
const SECRET = 'hunter2-"quoted" & long/enough+';
let world: World;
let agent: Process;

beforeAll(async () => {
  world = await startWorld();
  agent = await world.startAgent("one", { ...SCRIPTS, MILLRACE_AGENT_NETWORK: "none" });
  await put("/variables/by-path?path=f/app/host", { value: "db.example.com" });
  await put("/variables/by-path?path=f/app/password", { value: SECRET, is_secret: true, description: "of the database" });
  await put("/resources/by-path?path=f/app/db", { type: "database", value: { host: "$var:f/app/host", password: "$var:f/app/password" } });
});
afterAll(() => world.close());

async function put(path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> {
  const answer = await world.api("PUT", path, body, headers);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  return answer.status;
}

async function deploy(path: string, language: string, content: string): Promise<void> {
  const answer = await world.api("POST", "/scripts", { path, language, content });
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
}

async function good(body: Record<string, unknown>): Promise<JobWithResult> {
  const ended = await run(world, body, 50);
  expect(ended.exit, JSON.stringify(ended)).toMatchObject({ reason: "succeeded" });
  return ended;
}

const inline = (language: string, content: string, args = {}) => good({ code: { language, content }, args });
const logOf = async (id: string, query = ""): Promise<string> => (await world.api<string>("GET", `/jobs/${id}/logs${query}`)).body;

/** The events of a followed log as they come. */
async function* follow(id: string, query = ""): AsyncGenerator<{ event: string; data: Record<string, unknown> }> {
  const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/jobs/${id}/logs?follow=true${query}`, {
    headers: { authorization: `Bearer ${world.credentials.token}` },
  });
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += Buffer.from(bytes).toString();
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const entry of events) {
      const [, event = ""] = /^event: (.*)$/m.exec(entry) ?? [];
      const [, data = "{}"] = /^data: (.*)$/m.exec(entry) ?? [];
      if (event !== "") yield { event, data: JSON.parse(data) as Record<string, unknown> };
    }
  }
}

describe("what arguments refer to", () => {
  test("reaches the job alone: neither the database nor any answer or log has the secret, in whole or in pieces", async () => {
    const code = `import base64, sys
def main(db: dict, text: str):
    secret = db["password"]
    for piece in (secret[:5], secret[5:], "\\n"):
        sys.stdout.write(piece)
        sys.stdout.flush()
    print("encoded", base64.b64encode(b"user:" + secret.encode()).decode(), file=sys.stderr)
    print("host", db["host"], repr(secret))
    return [len(secret), db["host"], text]
`;
    const ended = await inline("python3", code, { db: "$res:f/app/db", text: "$var:f/app/host" });
    expect(ended.result).toEqual([SECRET.length, "db.example.com", "db.example.com"]);
    expect((await world.api("GET", `/jobs/${ended.id}/args`)).body).toEqual({ db: "$res:f/app/db", text: "$var:f/app/host" });
    const log = await logOf(ended.id);
    expect(log).toMatch(/^\*\*\*\n/m);
    expect(log).toContain("host db.example.com '***'");
    expect(log).toMatch(/encoded \S{1,12}\*\*\*/);

    const answers = [log];
    for (const path of [
      "/variables",
      "/variables/by-path?path=f/app/password",
      "/resources",
      "/resources/by-path?path=f/app/db",
      `/jobs/${ended.id}`,
      `/jobs/${ended.id}/result`,
    ])
      answers.push(JSON.stringify((await world.api("GET", path)).body));
    for (const path of ["/variables/value?path=f/app/password", "/resources/value?path=f/app/db"]) {
      const refused = await world.api("GET", path);
      expect(refused.status).toBe(403);
      answers.push(JSON.stringify(refused.body));
    }
    const sources = {
      dump: await dump(),
      server: readFileSync(world.server.logFile, "utf8"),
      agent: readFileSync(agent.logFile, "utf8"),
      answers: answers.join("\n"),
    };
    const bytes = Buffer.from(SECRET);
    for (const [name, text] of Object.entries(sources)) {
      expect(text.length, name).toBeGreaterThan(100);
      for (const form of [SECRET, JSON.stringify(SECRET).slice(1, -1), bytes.toString("base64"), bytes.toString("hex"), encodeURIComponent(SECRET)])
        expect(text.includes(form), `${name} has ${form}`).toBe(false);
    }
  });

  test("must be there: otherwise the job fails, and names it", async () => {
    const ended = await run(world, { code: { language: "bash", content: "echo never" }, args: { db: { nested: ["$var:f/app/gone"] } } }, 20);
    expect(ended).toMatchObject({ status: "failed", exit: { reason: "input_missing" }, result: { error: { name: "InputMissing" } } });
    expect(ended.exit?.message).toBe("$var:f/app/gone: there is no variable f/app/gone in this workspace");
  });

  test("is masked in what a failed job raised", async () => {
    const raised = await run(
      world,
      { code: { language: "python3", content: "def main(p):\n    raise ValueError('no ' + p)\n" }, args: { p: "$var:f/app/password" } },
      20,
    );
    expect(raised.exit?.message).toBe("ValueError: no ***");
    expect(JSON.stringify(raised)).not.toContain("hunter2");
  });

  test("is what it is at the start of the attempt, also while the key is changed", async () => {
    const rotate = async (): Promise<number> =>
      (
        await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/secrets/rotate`, {
          method: "POST",
          headers: { authorization: `Bearer ${world.credentials.admin_token}` },
        })
      ).status;
    expect((await world.api("POST", "/secrets/rotate")).status).toBe(403);
    const jobs: Promise<JobWithResult>[] = [];
    for (let round = 0; round < 3; round++) {
      expect(await rotate()).toBe(202);
      for (let at = 0; at < 4; at++) jobs.push(inline("bash", 'p="$1"\necho "${#p}"', { p: "$var:f/app/password" }));
    }
    for (const ended of await Promise.all(jobs)) expect(ended.result).toBe(SECRET.length);
  });
});

describe("the client in a job", () => {
  test("of Python keeps variables, resources and states; what it fetches is masked", async () => {
    const code = `import millrace
def main():
    secret = millrace.get_variable("f/app/password")
    print("it is", secret)
    millrace.set_variable("f/py/made", "a value", description="by a job")
    millrace.set_variable("f/py/hidden", secret + "!", secret=True)
    millrace.set_resource("f/py/thing", {"n": [1, None], "host": "$var:f/app/host"}, "thing")
    before = millrace.get_state()
    millrace.set_state({"runs": (before or {"runs": 0})["runs"] + 1})
    try:
        millrace.get_resource("f/py/none")
        missing = 200
    except millrace.MillraceError as error:
        missing = error.status
    return [millrace.get_variable("f/py/made"), len(millrace.get_variable("f/py/hidden")), millrace.get_resource("f/py/thing"), missing, before]
`;
    await deploy("f/py/client", "python3", code);
    const first = await good({ script: "f/py/client" });
    expect(first.result).toEqual(["a value", SECRET.length + 1, { n: [1, null], host: "db.example.com" }, 404, null]);
    expect(await logOf(first.id)).toBe("it is ***\n");
    expect((await good({ script: "f/py/client" })).result).toMatchObject([expect.anything(), expect.anything(), expect.anything(), 404, { runs: 1 }]);
    expect((await world.api("GET", "/resources?type=state")).body).toMatchObject({ resources: [{ path: "f/py/client.state", type: "state" }] });
    expect((await world.api("GET", "/variables/by-path?path=f/py/made")).body).toMatchObject({ value: "a value", created_by: `job ${first.id}` });
  });

  test("so does that of TypeScript", async () => {
    const code = `import { getResource, getState, getVariable, MillraceError, setResource, setState, setVariable } from "millrace";
export async function main() {
  console.log("it is", await getVariable("f/app/password"));
  await setVariable("f/ts/made", "a value");
  await setResource("f/ts/thing", { n: [1, null], db: "$res:f/app/db" }, "thing");
  const before = await getState<{ runs: number }>();
  await setState({ runs: (before?.runs ?? 0) + 1 });
  const missing = await getResource("f/ts/none").catch((error) => (error instanceof MillraceError ? error.status : String(error)));
  const thing = await getResource<{ db: { host: string } }>("f/ts/thing");
  return [await getVariable("f/ts/made"), thing.db.host, missing, before ?? null];
}
`;
    await deploy("f/ts/client", "typescript", code);
    const first = await good({ script: "f/ts/client" });
    expect(first.result).toEqual(["a value", "db.example.com", 404, null]);
    expect(await logOf(first.id)).toBe("it is ***\n");
    expect((await good({ script: "f/ts/client" })).result).toEqual(["a value", "db.example.com", 404, { runs: 1 }]);
  });

  test("and the command for all other languages, which runs other scripts too", async () => {
    await deploy("f/sh/add", "python3", "def main(a: int, b: int):\n    return {'sum': a + b}\n");
    await deploy("f/sh/fails", "bash", "exit 3\n");
    const code = `echo "it is $(millrace variable get f/app/password)"
millrace variable set f/sh/made $'two\\nlines "quoted" \\\\ \\x01'
[[ $(millrace variable get f/sh/made) == $'two\\nlines "quoted" \\\\ \\x01' ]] || echo "another value"
millrace variable set f/sh/hidden "$(millrace variable get f/app/password)!" --secret
millrace resource set f/sh/thing '{"host": "$var:f/app/host", "n": 12345678901234567890}' thing
before=$(millrace state get)
millrace state set '{"runs": 1}'
sum=$(millrace run f/sh/add '{"a": 1, "b": 2}')
waited=$(millrace wait "$(millrace start f/sh/add '{"a": 3, "b": 4}')")
if millrace run f/sh/fails 2>/dev/null; then failed=false; else failed=true; fi
if millrace variable get f/sh/none 2>/tmp/why; then exit 1; fi
echo "[$(millrace resource get f/sh/thing), $before, $(millrace state get), $sum, $waited, $failed, \\"$(cat /tmp/why)\\"]"
`;
    await deploy("f/sh/client", "bash", code);
    const ended = await good({ script: "f/sh/client" });
    const text = await (
      await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/jobs/${ended.id}/result`, {
        headers: { authorization: `Bearer ${world.credentials.token}` },
      })
    ).text();
    expect(text).toBe(
      '[{"host":"db.example.com","n":12345678901234567890}, null, {"runs":1}, {"sum":3}, {"sum":7}, true, "millrace: there is no variable f/sh/none (HTTP 404)"]',
    );
    const log = await logOf(ended.id);
    expect(log.split("\n")[0]).toBe("it is ***");
    expect(log).not.toContain("another value");
    expect((await world.api("GET", "/variables/by-path?path=f/sh/hidden")).body).toMatchObject({ is_secret: true });
    // Every language can start it.
    await deploy(
      "f/sh/any",
      "typescript",
      `import { execFileSync } from "node:child_process";\nexport const main = () => execFileSync("millrace", ["variable", "get", "f/app/host"], { encoding: "utf8" });\n`,
    );
    expect((await good({ script: "f/sh/any" })).result).toBe("db.example.com");
  });
});

describe("before its end", () => {
  test.each([
    [
      "python3",
      `import millrace
def main():
    print("begun")
    for at in range(3):
        millrace.set_progress(at * 40)
        millrace.stream_result(f"piece {at}\\n")
    while not millrace.get_state("f/go/python3"):
        pass
    return "whole"
`,
    ],
    [
      "bash",
      `echo begun
for at in 0 1 2; do
  millrace progress $((at * 40))
  echo "piece $at" | millrace stream
done
until [[ $(millrace state get f/go/bash) != null ]]; do :; done
echo whole
`,
    ],
  ])("a job in %s says how far it is, and streams its result, to whoever follows", async (language, content) => {
    const { id } = await run(world, { code: { language, content } });
    const seen: string[] = [];
    const progress: unknown[] = [];
    let ended: Record<string, unknown> | undefined;
    for await (const { event, data } of follow(id, "&stream=result")) {
      if (event === "log") seen.push(String(data["text"]));
      if (event === "state" && data["status"] === "running") progress.push(data["progress"]);
      if (event === "end") ended = data;
      if (seen.join("") === "piece 0\npiece 1\npiece 2\n" && progress.at(-1) === 80)
        await put(`/resources/by-path?path=f/go/${language}`, { type: "state", value: true });
    }
    expect(progress.at(-1)).toBe(80);
    expect(seen.join("")).toBe("piece 0\npiece 1\npiece 2\n");
    expect(ended).toMatchObject({ status: "succeeded", progress: 80 });
    expect(await job(world, id)).toMatchObject({ progress: 80 });
    expect(await logOf(id, "?stream=result")).toBe("piece 0\npiece 1\npiece 2\n");
    expect(await logOf(id)).not.toContain("piece");
  });

  test("what it streams is masked, and nobody else can say how far it is", async () => {
    const code = `millrace stream "the password is $1" && echo done`;
    const ended = await inline("bash", `p="$1"\n${code}`, { p: "$var:f/app/password" });
    expect(await logOf(ended.id, "?stream=result")).toBe("the password is ***");
    expect((await world.api("PUT", `/jobs/${ended.id}/progress`, { percent: 5 })).status).toBe(403);
    const other = await run(
      world,
      {
        code: {
          language: "bash",
          content: `curl -sS --unix-socket "$MILLRACE_API_SOCKET" -o /dev/null -w '%{http_code}' -X PUT -H "authorization: Bearer $MILLRACE_TOKEN" -H 'content-type: application/json' -d '{"percent": 5}' http://m/api/v1/w/main/jobs/${ended.id}/progress`,
        },
      },
      20,
    );
    expect(other.result).toBe(403);
  });
});

test("Windmill's routes answer as its clients expect, and the others say that they are not offered", async () => {
  const ask = async (method: string, path: string, body?: unknown): Promise<[number, string]> => {
    const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/w/main${path}`, {
      method,
      headers: { authorization: `Bearer ${world.credentials.token}`, ...(body !== undefined && { "content-type": "application/json" }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return [response.status, await response.text()];
  };
  expect(await ask("GET", "/variables/exists/f/wm/v")).toEqual([200, "false"]);
  expect((await ask("POST", "/variables/create", { path: "f/wm/v", value: "one", is_secret: false, description: "", account: null }))[0]).toBe(201);
  expect((await ask("POST", "/variables/create", { path: "f/wm/v", value: "two", is_secret: false, description: "" }))[0]).toBe(409);
  expect((await ask("POST", "/variables/update/f/wm/v", { value: "two" }))[0]).toBe(200);
  expect(await ask("GET", "/variables/get_value/f/wm/v")).toEqual([200, '"two"']);
  expect(JSON.parse((await ask("GET", "/variables/get/f/wm/v"))[1])).toMatchObject({ path: "f/wm/v", value: "two", is_secret: false, workspace_id: "main" });
  expect((await ask("GET", "/variables/get_value/f/app/password"))[0]).toBe(403);
  expect(JSON.parse((await ask("GET", "/variables/get/f/app/password?decrypt_secret=false"))[1])).not.toHaveProperty("value");
  expect((await ask("POST", "/resources/create", { path: "u/wm/r", value: { h: "$var:f/wm/v" }, resource_type: "thing" }))[0]).toBe(201);
  expect(await ask("GET", "/resources/get_value_interpolated/u/wm/r")).toEqual([200, '{"h":"two"}']);
  expect(await ask("GET", "/resources/get_value/u/wm/r")).toEqual([200, '{"h":"$var:f/wm/v"}']);
  expect((await ask("POST", "/resources/update_value/u/wm/r", { value: null }))[0]).toBe(200);
  expect(JSON.parse((await ask("GET", "/resources/get/u/wm/r"))[1])).toMatchObject({ value: null, resource_type: "thing" });
  expect((await ask("GET", "/resources/get_value/u/wm/none"))[0]).toBe(404);
  await deploy("f/wm/double", "python3", "def main(n: int):\n    if n < 0:\n        raise ValueError('negative')\n    return n * 2\n");
  expect(await ask("POST", "/jobs/run_wait_result/p/f/wm/double", { n: 4 })).toEqual([200, "8"]);
  expect((await ask("POST", "/jobs/run_wait_result/p/f/wm/double", { n: -1 }))[0]).toBe(500);
  const [status, id] = await ask("POST", "/jobs/run/p/f/wm/double?parent_job=x", { n: 5 });
  expect([status, id]).toEqual([201, expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  await untilEnded(world, id);
  expect(JSON.parse((await ask("GET", `/jobs_u/completed/get_result_maybe/${id}`))[1])).toEqual({ completed: true, started: true, success: true, result: 10 });
  expect(JSON.parse((await ask("GET", `/jobs_u/get/${id}`))[1])).toMatchObject({
    type: "CompletedJob",
    success: true,
    canceled: false,
    result: 10,
    script_path: "f/wm/double",
  });
  expect(await ask("GET", `/jobs_u/completed/get_result/${id}`)).toEqual([200, "10"]);
  expect(JSON.parse((await ask("GET", "/variables/list?path_start=f/wm/&path=f/wm/v"))[1])).toEqual([expect.objectContaining({ path: "f/wm/v" })]);
  expect(JSON.parse((await ask("GET", "/variables/list?description=DATABASE"))[1])).toEqual([expect.objectContaining({ path: "f/app/password" })]);
  expect((await ask("GET", "/variables/list?value=two"))[0]).toBe(400);
  const schedule = { path: "f/wm/nightly", schedule: "0 0 3 * * *", timezone: "UTC", script_path: "f/wm/double", is_flow: false, args: { n: 1 }, summary: "S" };
  const [closed, why] = await ask("POST", "/schedules/create", { ...schedule, on_success: "script/f/wm/double" });
  expect([closed, JSON.parse(why)]).toEqual([501, expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/on_success" })] })]);
  const [wrong, names] = await ask("POST", "/schedules/create", { ...schedule, script_path: "f/wm/none" });
  expect([wrong, JSON.parse(names)]).toEqual([400, expect.objectContaining({ errors: [expect.objectContaining({ pointer: "/script_path" })] })]);
  expect(await ask("POST", "/schedules/create", schedule)).toEqual([201, "f/wm/nightly"]);
  expect((await ask("POST", "/schedules/create", schedule))[0]).toBe(409);
  expect(await ask("POST", "/schedules/setenabled/f/wm/nightly", { enabled: true })).toEqual([200, "schedule f/wm/nightly enabled"]);
  expect((await ask("POST", "/schedules/update/f/wm/nightly", { ...schedule, schedule: "0 0 4 * * *" }))[0]).toBe(200);
  expect((await ask("POST", "/schedules/update/f/wm/none", { ...schedule, path: "f/wm/none" }))[0]).toBe(404);
  expect(JSON.parse((await ask("GET", "/schedules/get/f/wm/nightly"))[1])).toMatchObject({
    schedule: "0 0 4 * * *",
    enabled: true,
    summary: "S",
    args: { n: 1 },
  });
  expect(JSON.parse((await ask("GET", "/schedules/list?per_page=1"))[1])).toEqual([expect.objectContaining({ path: "f/wm/nightly" })]);
  expect(JSON.parse((await ask("GET", "/schedules/list?per_page=1&page=2"))[1])).toEqual([]);
  expect([await ask("DELETE", "/schedules/delete/f/wm/nightly"), await ask("GET", "/schedules/exists/f/wm/nightly")]).toMatchObject([
    [200, "schedule f/wm/nightly deleted"],
    [200, "false"],
  ]);
  const route = {
    script_path: "f/wm/double",
    is_flow: false,
    route_path: "double/:n",
    http_method: "get",
    workspaced_route: true,
    authentication_method: "none",
  };
  expect((await ask("POST", "/http_triggers/create", { ...route, path: "f/wm/route", authentication_method: "api_key" }))[0]).toBe(501);
  expect((await ask("POST", "/http_triggers/create", { ...route, path: "f/wm/route" }))[0]).toBe(201);
  expect((await ask("POST", "/http_triggers/create", { ...route, path: "f/wm/same" }))[0]).toBe(409);
  expect(JSON.parse((await ask("GET", "/http_triggers/get/f/wm/route"))[1])).toMatchObject({ ...route, path: "f/wm/route" });
  // One with a secret is not opened by those who cannot say so.
  const secret = { kind: "route", method: "GET", pattern: "/closed", script: "f/wm/double", auth: { kind: "token" } };
  expect((await world.api("PUT", "/triggers/by-path?path=f/wm/closed", secret)).status).toBe(201);
  expect((await ask("GET", "/http_triggers/get/f/wm/closed"))[0]).toBe(501);
  expect((await ask("POST", "/http_triggers/update/f/wm/closed", { ...route, route_path: "closed" }))[0]).toBe(501);
  expect(JSON.parse((await ask("GET", "/http_triggers/list"))[1])).toEqual([expect.objectContaining({ path: "f/wm/route" })]);
  const [missing, problem] = await ask("GET", "/apps/list");
  expect([missing, JSON.parse(problem)]).toEqual([501, expect.objectContaining({ code: "unimplemented", hint: expect.stringContaining("docs/windmill.md") })]);
});

/** Every row of every table, as text. */
async function dump(): Promise<string> {
  const client = new pg.Client({ connectionString: world.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    );
    const tables: string[] = [];
    for (const { name } of rows) {
      const found = await client.query<{ text: string | null }>(`SELECT string_agg(t::text, E'\\n') AS text FROM ${name} t`).catch(() => undefined);
      tables.push(`${name}: ${found?.rows[0]?.text ?? ""}`);
    }
    expect(tables.some((text) => text.includes("f/app/password"))).toBe(true);
    return tables.join("\n");
  } finally {
    await client.end();
  }
}
