import { readFileSync } from "node:fs";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobWithResult } from "../control-plane/jobs/contract.ts";
import { eventsOf } from "./event-stream.ts";
import { job, type Process, run, SCRIPTS, startWorld, type World } from "./harness.ts";

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
    for await (const { event, data } of eventsOf(world, `/jobs/${id}/logs?follow=true&stream=result`)) {
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
