import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { event, type Finished, JOB_ID, jobView, json, logEvent, problem, ScriptedApi, startCli, stream, text } from "../scripted-api.fixture.ts";

const SUCCEEDED = jobView({ status: "succeeded", attempt: 1, exit: { reason: "succeeded" }, wait_ms: 3, run_ms: 1200, agent: "a1" });
const LOGS = `GET /jobs/${JOB_ID}/logs`;
const RESULT = `GET /jobs/${JOB_ID}/result`;
const CANCEL = `POST /jobs/${JOB_ID}/cancel`;

let api: ScriptedApi;
const folder = mkdtempSync(join(tmpdir(), "millrace-run-"));
const script = join(folder, "my script.py");
writeFileSync(script, "def main(n: int):\n    raise ValueError(n)\n");

beforeEach(async () => {
  api = new ScriptedApi();
  await api.open();
  api
    .on("POST /jobs", json(201, jobView()))
    .on(LOGS, stream(event("state", jobView()) + logEvent("1.0.0", "hello\n") + event("end", SUCCEEDED)))
    .on(RESULT, text(200, '{"n": 12345678901234567890}', "application/json"));
});
afterEach(() => api.close());

const run = (...args: string[]): Promise<Finished> => startCli(api.url, ["run", ...args]).finished;

describe("millrace run", () => {
  it("sends a local file with its language and arguments, and the token", async () => {
    const { code } = await run(
      script,
      "--args",
      '{"n": 12345678901234567890, "s": "a"}',
      "--arg",
      "s=b",
      "--tag",
      "gpu",
      "--timeout",
      "1m30s",
      "--priority",
      "9",
    );
    expect(code).toBe(0);
    const [request] = api.to("POST /jobs");
    expect(request?.body).toBe(
      '{"code":{"language":"python3","content":"def main(n: int):\\n    raise ValueError(n)\\n"},"args":{"n":12345678901234567890,"s":"b"},"tag":"gpu","timeout_ms":90000,"priority":9}',
    );
    expect(request?.headers.authorization).toBe("Bearer secret-token");
  });

  it("passes on when to begin, until when, how often to try, and the key of the request", async () => {
    const options = ["--at", "2030-01-02T03:04:05+01:00", "--retries", "2", "--ttl", "1h", "--soft-timeout", "20s", "--idempotency-key", "order-7"];
    await run("f/examples/clean", ...options);
    expect(api.to("POST /jobs")[0]?.headers["idempotency-key"]).toBe("order-7");
    expect(JSON.parse(api.to("POST /jobs")[0]?.body ?? "")).toEqual({
      script: "f/examples/clean",
      args: {},
      soft_timeout_ms: 20_000,
      scheduled_for: "2030-01-02T02:04:05.000Z",
      retry: { max_attempts: 3 },
      queue_ttl_s: 3600,
    });
    await run("f/examples/clean", "--delay", "1m30s");
    expect(JSON.parse(api.to("POST /jobs")[1]?.body ?? "")).toEqual({ script: "f/examples/clean", args: {}, delay_s: 90 });
    for (const wrong of [
      ["--at", "teatime"],
      ["--retries", "100"],
      ["--ttl", "long"],
    ])
      expect(await run("f/examples/clean", ...wrong)).toMatchObject({ code: 2 });
  });

  it("takes what is no file for the path of a deployed script", async () => {
    await run("f/examples/clean");
    expect(api.to("POST /jobs")[0]?.body).toBe('{"script":"f/examples/clean","args":{}}');
  });

  it("prints with --json the result alone, byte for byte, and talks on stderr", async () => {
    const { code, stdout, stderr } = await run(script, "--json");
    expect({ code, stdout }).toEqual({ code: 0, stdout: '{"n": 12345678901234567890}' });
    expect(stderr).toContain("hello\n");
    expect(stderr).toContain("✓ succeeded in 1.2 s · waited 3 ms · on a1");
  });

  it("shows a piece of output before the job has ended", async () => {
    api.on(LOGS, stream(logEvent("1.0.0", "half a li"), "stay"));
    const cli = startCli(api.url, ["run", script]);
    await cli.saw("half a li");
    cli.child.kill("SIGKILL");
    expect((await cli.finished).stdout).toBe("");
  });

  it("comes back with the last id when the stream breaks, without a gap or a repetition, and says so once", async () => {
    api.on(
      LOGS,
      stream(event("state", jobView({ status: "running" })) + logEvent("1.0.0", "one\n") + logEvent("1.0.1", "two\n"), "break"),
      problem(503, "unavailable", "no owner"),
      (response) => response.destroy(),
      stream(event("state", jobView({ status: "running" })), "end"),
      stream(logEvent("1.0.1", "two\n") + logEvent("1.1.0", "three\n") + event("end", SUCCEEDED)),
    );
    const { code, stderr } = await run(script, "--json");
    expect(code).toBe(0);
    expect(stderr.match(/^(one|two|three)$/gm)).toEqual(["one", "two", "three"]);
    // Once for the break and the two refusals after it, once for the stream that ended too early.
    expect(stderr.match(/lost contact/g)).toHaveLength(2);
    expect(stderr).toContain("connected again");
    expect(api.to(LOGS).map((request) => request.headers["last-event-id"])).toEqual([undefined, "1.0.1", "1.0.1", "1.0.1", "1.0.1"]);
  });

  it("waits for a server that goes away and comes back", async () => {
    api.on(LOGS, stream(logEvent("1.0.0", "one\n"), "stay"));
    const port = Number(new URL(api.url).port);
    const cli = startCli(api.url, ["run", script, "--json"]);
    await cli.saw("one");
    await api.close();
    await cli.saw("lost contact");
    api = new ScriptedApi();
    api.on(LOGS, stream(logEvent("1.0.1", "two\n") + event("end", SUCCEEDED))).on(RESULT, problem(503, "unavailable", "starting"), text(200, "7"));
    await api.open(port);
    expect(await cli.finished).toMatchObject({ code: 0, stdout: "7", stderr: expect.stringContaining("connected again\ntwo\n") });
  });

  it("explains a failure with the user's own line and exits 1", async () => {
    const stack = 'Traceback (most recent call last):\n  File "main.py", line 2, in main\n    raise ValueError(n)\nValueError: 3';
    const error = JSON.stringify({ error: { name: "ValueError", message: "3", stack } });
    api.on(LOGS, stream(event("end", { ...SUCCEEDED, status: "failed", exit: { reason: "exit_code", code: 1 } }))).on(RESULT, text(200, error));
    const human = await run(script);
    expect(human).toMatchObject({ code: 1, stdout: "" });
    expect(human.stderr).toContain(
      `✗ failed: exit code 1 in 1.2 s · waited 3 ms · on a1\n  ValueError: 3\n  at my script.py:2 in main\n      raise ValueError(n)\n  the output again: millrace logs ${JOB_ID}\n`,
    );
    expect(await run(script, "--json")).toMatchObject({ code: 1, stdout: error });
  });

  it.each([
    ["cancelled", { status: "cancelled", exit: { reason: "cancelled" } }, 8],
    ["sandbox failed", { status: "failed", exit: { reason: "sandbox_error" } }, 9],
  ] as const)("exits as the job ended: %s", async (_name, fields, expected) => {
    api.on(LOGS, stream(event("end", jobView(fields)))).on(RESULT, problem(404, "not_found", "none"));
    expect((await run(script)).code).toBe(expected);
  });

  it.each([
    [400, "invalid_argument", 2],
    [401, "unauthenticated", 5],
    [403, "permission_denied", 5],
    [404, "not_found", 3],
    [409, "failed_precondition", 4],
    [412, "aborted", 4],
    [413, "out_of_range", 2],
    [429, "resource_exhausted", 6],
    [503, "unavailable", 7],
  ])("exits with the code of the refusal: %d %s", async (status, code, expected) => {
    api.on("POST /jobs", problem(status, code, "n: too big", { errors: [{ pointer: "/args/n", message: "at most 3" }], hint: "take less" }));
    const { code: exit, stdout, stderr } = await run(script);
    expect({ exit, stdout }).toEqual({ exit: expected, stdout: "" });
    expect(stderr).toContain("error: n: too big\n  /args/n: at most 3\n  hint: take less\n");
  });

  it("says how to start a server when nothing answers", async () => {
    await api.close();
    const { code, stderr } = await run(script);
    expect(code).toBe(7);
    expect(stderr).toContain(`nothing answers at ${api.url}`);
    expect(stderr).toContain("npm start");
    await api.open();
  });

  it.each([
    ["no target", [], 2],
    ["an unknown option", [script, "--frob"], 2],
    ["arguments that are no JSON", [script, "--args", "{"], 2],
    ["a folder", [folder], 2],
    ["a bad duration", [script, "--timeout", "soon"], 2],
    ["a bad priority", [script, "--priority", "10"], 2],
    ["a file that is not there", [join(folder, "none.py")], 3],
  ])("refuses %s without asking the server", async (_name, args, expected) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toContain("error:");
    expect(api.requests).toEqual([]);
  });

  it("prints the id and leaves with --no-wait", async () => {
    expect(await run(script, "--no-wait")).toMatchObject({ code: 0, stdout: `${JOB_ID}\n`, stderr: "" });
    expect(api.requests).toHaveLength(1);
  });

  it("says on Ctrl-C how to find the job again, and cancels it on the second", async () => {
    api.on(LOGS, stream(logEvent("1.0.0", "one\n"), "stay")).on(CANCEL, json(202, jobView({ status: "running" })));
    const cli = startCli(api.url, ["run", script]);
    await cli.saw("one");
    cli.child.kill("SIGINT");
    await cli.saw(`millrace logs ${JOB_ID} -f`);
    await cli.saw(`millrace cancel ${JOB_ID}`);
    expect(api.to(CANCEL)).toEqual([]);
    cli.child.kill("SIGINT");
    expect((await cli.finished).code).toBe(130);
    expect(api.to(CANCEL)).toHaveLength(1);
  });
});
