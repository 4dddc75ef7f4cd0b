import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { event, type Finished, JOB_ID, jobView, json, logEvent, problem, ScriptedApi, startCli, stream, text } from "../scripted-api.fixture.ts";

const DONE = jobView({ status: "succeeded", attempt: 1, finished_at: "2026-01-01T00:00:02.000Z", exit: { reason: "succeeded" }, run_ms: 40 });
const LOGS = `GET /jobs/${JOB_ID}/logs`;

let api: ScriptedApi;
beforeEach(async () => {
  api = new ScriptedApi();
  await api.open();
});
afterEach(() => api.close());
const millrace = (...args: string[]): Promise<Finished> => startCli(api.url, args).finished;

describe("millrace logs", () => {
  it("puts the output on stdout as it came and nothing else", async () => {
    api.on(LOGS, text(200, "a\u001b[31mb\u001b]0;t\u0007\nno end"));
    expect(await millrace("logs", JOB_ID)).toEqual({ code: 0, stdout: "a\u001b[31mb\u001b]0;t\u0007\nno end", stderr: "" });
  });

  it("follows with -f, marks stderr, and exits as the job did", async () => {
    const failed = { ...DONE, status: "failed", exit: { reason: "exit_code", code: 4 } } as const;
    api
      .on(`GET /jobs/${JOB_ID}`, json(200, jobView({ status: "running" })))
      .on(LOGS, stream(logEvent("1.0.0", "out\n") + logEvent("1.0.1", "err\n", "stderr") + event("end", failed)));
    expect(await millrace("logs", JOB_ID, "-f")).toEqual({ code: 1, stdout: "out\n[stderr] err\n", stderr: "✗ failed: exit code 4 in 40 ms\n" });
    expect(api.to(LOGS)[0]?.path).toContain("follow=true");
  });

  it("gives one JSON object a line with --json, of an ended job", async () => {
    api.on(`GET /jobs/${JOB_ID}`, json(200, DONE)).on(LOGS, stream(event("state", DONE) + logEvent("1.0.0", "out\n") + event("end", DONE)));
    const { code, stdout } = await millrace("logs", JOB_ID, "--json");
    expect({ code, lines: stdout.split("\n").map((line) => (line === "" ? "" : JSON.parse(line))) }).toEqual({
      code: 0,
      lines: [{ attempt: 1, stream: "stdout", at: "2026-01-01T00:00:00.000Z", text: "out\n" }, ""],
    });
  });

  it("asks for -f when the JSON of a running job would have no end", async () => {
    api.on(`GET /jobs/${JOB_ID}`, json(200, jobView({ status: "running" })));
    expect(await millrace("logs", JOB_ID, "--json")).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("add -f") });
  });

  it("finds a job by the end of its id, and says when there is none", async () => {
    api.on("GET /jobs", json(200, { jobs: [DONE] })).on(LOGS, text(200, "x"));
    expect(await millrace("logs", JOB_ID.slice(-8))).toMatchObject({ code: 0, stdout: "x" });
    expect(await millrace("logs", "ffffffff")).toMatchObject({ code: 3, stdout: "" });
  });
});

describe("millrace jobs", () => {
  it("asks for the page that is wanted and shows it as a table", async () => {
    const queued = jobView({ id: "01a20011-d4bf-7000-acd1-3a4bdddd2261", kind: "script", script: "f/a/b", wait_reason: "no agent with tag gpu" });
    api.on("GET /jobs", json(200, { jobs: [queued, DONE], next_cursor: "c2" }));
    const { code, stdout, stderr } = await millrace("jobs", "--status", "queued", "--script", "f/a/b", "--cursor", "c1", "-n", "2");
    expect(code).toBe(0);
    expect(api.requests[0]?.path).toBe("/jobs?limit=2&status=queued&script=f%2Fa%2Fb&cursor=c1");
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/).filter((_, column) => column !== 3))).toEqual([
      ["ID", "STATUS", "SCRIPT", "WAITED", "RAN", "AGENT", "NOTE"],
      ["dddd2261", "queued", "f/a/b", "no agent with tag gpu"],
      ["5a100103", "succeeded", "(inline python3)", "40 ms"],
      [""],
    ]);
    expect(stderr).toBe("more: add --cursor c2\n");
  });

  it("notes later attempts, and jobs that did not begin in time", async () => {
    const again = jobView({ ...DONE, attempt: 3 });
    const failed = jobView({ status: "failed", attempt: 2, exit: { reason: "exit_code", code: 4 } });
    const expired = jobView({ status: "cancelled", exit: { reason: "expired" } });
    api.on("GET /jobs", json(200, { jobs: [again, failed, expired] }));
    const { stdout } = await millrace("jobs");
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/).at(-1))).toEqual(["NOTE", "attempt 3", "exit code 4, attempt 2", "did not begin in time", ""]);
  });

  it("tells an empty workspace from an empty filter, on stderr", async () => {
    api.on("GET /jobs", json(200, { jobs: [] }));
    expect(await millrace("jobs")).toMatchObject({ code: 0, stdout: "", stderr: expect.stringContaining("no jobs yet") });
    expect(await millrace("jobs", "--status", "failed")).toMatchObject({ code: 0, stdout: "", stderr: "no job fits the filter\n" });
  });

  it("prints the page as one line of JSON", async () => {
    const page = { jobs: [DONE], next_cursor: "c2" };
    api.on("GET /jobs", json(200, page));
    expect(await millrace("jobs", "--json")).toEqual({ code: 0, stdout: `${JSON.stringify(page)}\n`, stderr: "" });
  });

  it.each([["--status", "odd"], ["-n", "0"], ["-n", "201"], ["-n", "x"], ["more"]])("refuses %s %s", async (...args) => {
    expect(await millrace("jobs", ...args)).toMatchObject({ code: 2, stdout: "" });
  });
});

describe("millrace deploy", () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-cli-"));
  writeFileSync(join(folder, "a.py"), "def main(): pass");
  writeFileSync(join(folder, "b.sh"), "echo");
  writeFileSync(join(folder, "c.ts"), "export function main() {");
  const deployed = (created: boolean) => json(created ? 201 : 200, { path: "p", hash: "0123456789abcdef", created });

  it("goes on after a refused file and exits 1", async () => {
    api.on("POST /scripts", deployed(true), problem(400, "invalid_argument", "line 1: syntax error", { hint: "close it" }), deployed(false));
    const { code, stdout, stderr } = await millrace("deploy", folder, "--prefix", "f/x");
    expect(stdout).toBe("created    f/x/a 0123456789ab\nfailed     b.sh: line 1: syntax error (close it)\nunchanged  f/x/c 0123456789ab\n");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "1 created, 1 unchanged, 0 skipped, 1 failed\n" });
    expect(JSON.parse(api.requests[0]?.body ?? "")).toEqual({ path: "f/x/a", language: "python3", content: "def main(): pass" });
  });

  it("deploys flows, lists all that is wrong with one, and what changes nothing", async () => {
    const flows = mkdtempSync(join(tmpdir(), "millrace-cli-"));
    const yaml = "summary: s\nvalue: {modules: []}\n";
    for (const name of ["a", "b", "c"]) writeFileSync(join(flows, `${name}.flow.yaml`), yaml);
    const errors = [
      { pointer: "/document/value", message: "step a: value is missing" },
      { pointer: "/document/value", message: "step b: id is missing" },
    ];
    const flow = { path: "p", hash: "0123456789abcdef" };
    api.on(
      "POST /flows",
      json(201, { ...flow, created: true, ignored: ["/value/x", "/y"] }),
      problem(400, "invalid_argument", "the flow is not right: step a: value is missing (and 1 more)", { errors }),
      json(200, { ...flow, created: false, ignored: [] }),
    );
    const { code, stdout, stderr } = await millrace("deploy", flows, "--prefix", "f/x");
    expect(stdout.split("\n")).toEqual([
      "created    f/x/a 0123456789ab (changes nothing: /value/x, /y)",
      "failed     b.flow.yaml:",
      "             step a: value is missing",
      "             step b: id is missing",
      "unchanged  f/x/c 0123456789ab",
      "",
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "1 created, 1 unchanged, 0 skipped, 1 failed\n" });
    expect(JSON.parse(api.requests[0]?.body ?? "")).toEqual({ path: "f/x/a", yaml });
  });

  it("stops at once when every file would fail alike", async () => {
    api.on("POST /scripts", problem(401, "unauthenticated", "the token is not valid"));
    expect(await millrace("deploy", folder, "--prefix", "f/x")).toMatchObject({ code: 5, stdout: "" });
    expect(api.requests).toHaveLength(1);
  });

  it("waits for dependencies, says how it goes, and fails with the reason", async () => {
    const pending = (hash: string) => json(201, { path: "p", hash, created: true, lock_state: "pending" });
    const locked = (fields: object) => json(200, { path: "p", lock_job: JOB_ID, ...fields });
    api.on("POST /scripts", pending("h1"), pending("h2"), pending("h3"));
    api.on("GET /scripts/by-hash/h1", json(200, { lock_state: "pending" }), locked({ lock_state: "pending" }), locked({ lock_state: "ready" }));
    api.on("GET /scripts/by-hash/h2", locked({ lock_state: "failed", lock_error: "no package zodd" }));
    api.on("GET /scripts/by-hash/h3", locked({ lock_state: "pending" }));
    const waits = jobView({ status: "queued", wait_reason: "no agent is there", wait_detail: { code: "no_runtime" } });
    api.on(`GET /jobs/${JOB_ID}`, json(200, waits), json(200, jobView({ status: "running" })));
    const { code, stdout, stderr } = await millrace("deploy", folder, "--prefix", "f/x");
    const lines = stdout.split("\n").slice(3);
    expect(lines).toEqual([
      `not locked f/x/b: no package zodd job ${JOB_ID}`,
      "not locked f/x/c: no agent is there; its runs find their dependencies themselves until then",
      `locked     f/x/a job ${JOB_ID}`,
      "",
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "3 created, 0 unchanged, 0 skipped, 0 failed, dependencies of 1 not found\n" });
    api.on("POST /scripts", pending("h1"));
    expect(await millrace("deploy", folder, "--prefix", "f/x", "--no-wait")).toMatchObject({ code: 0 });
  });

  it("prints a report with --json", async () => {
    api.on("POST /scripts", deployed(true));
    const { code, stdout } = await millrace("deploy", folder, "--prefix", "f/x", "--json");
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({
      code: 0,
      created: 3,
      failed: 0,
      files: [{ file: "a.py", status: "created", path: "f/x/a" }, {}, {}],
    });
  });
});

describe("millrace cancel and agents", () => {
  it("cancels with a reason", async () => {
    api.on(`POST /jobs/${JOB_ID}/cancel`, json(202, jobView({ status: "cancelled" })));
    expect(await millrace("cancel", JOB_ID, "--reason", "wrong input")).toEqual({ code: 0, stdout: "", stderr: `cancelled job ${JOB_ID}\n` });
    expect(api.requests[0]?.body).toBe('{"reason":"wrong input"}');
  });

  it("calls a job that has already ended a conflict", async () => {
    api.on(`POST /jobs/${JOB_ID}/cancel`, problem(409, "failed_precondition", "it has already ended"));
    expect(await millrace("cancel", JOB_ID)).toMatchObject({ code: 4, stderr: "error: it has already ended\n" });
  });

  it("lists agents", async () => {
    const agent = {
      id: "1",
      name: "a\u001b[2J1",
      host: "h",
      version: "0.1.0",
      shared: true,
      tags: ["default", "gpu"],
      languages: [{ language: "bash", version: "5.2" }],
      sandbox: { level: 2, reasons: [] },
      slots: 4,
      running: 1,
      connected_at: new Date().toISOString(),
    };
    const ill = { ...agent, name: "a2", state: "quarantined", state_reason: "no sandbox could be made" };
    api.on("GET /agents", json(200, { agents: [agent, ill] }), json(200, { agents: [] }));
    const { stdout, stderr } = await millrace("agents");
    expect(stderr).toBe("a2 is quarantined: no sandbox could be made\n");
    expect(stdout.split("\n")[1]?.split(/ {2,}/)).toEqual([
      "a1",
      "active",
      "shared",
      "default,gpu",
      "1",
      "4",
      "level 2",
      expect.stringContaining("ago"),
      "0.1.0",
      "bash",
    ]);
    expect(await millrace("agents")).toMatchObject({ code: 0, stdout: "", stderr: expect.stringContaining("no agent is connected") });
  });
});

describe("millrace", () => {
  it("shows help and version on stdout and exits 0", async () => {
    expect(await millrace("--help")).toMatchObject({ code: 0, stdout: expect.stringContaining("Exit codes: 0 ok"), stderr: "" });
    expect(await millrace("--version")).toMatchObject({ code: 0, stdout: "0.1.0\n" });
    expect(await millrace("frob")).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("unknown command") });
  });

  it("says so when something else than a Millrace server answers", async () => {
    api.on("GET /jobs", text(200, "<html>hello</html>", "text/html"));
    expect(await millrace("jobs")).toMatchObject({ code: 7, stdout: "", stderr: expect.stringContaining("is this the address of a Millrace server?") });
  });
});

describe("large output", () => {
  it("arrives whole although the reader is slower than the server", async () => {
    const sent = "x".repeat(400_000);
    const answered = Promise.withResolvers<void>();
    api.on(LOGS, (response) => void response.end(sent, answered.resolve));
    const cli = startCli(api.url, ["logs", JOB_ID]);
    // More than the pipe holds: a command that left as soon as it has written would take the rest with it.
    cli.child.stdout?.pause();
    await answered.promise;
    await Promise.race([once(cli.child, "exit"), setTimeout(400)]);
    cli.child.stdout?.resume();
    const { code, stdout } = await cli.finished;
    expect({ code, length: stdout.length }).toEqual({ code: 0, length: sent.length });
  });

  it("is no error when its reader has enough", async () => {
    api.on(LOGS, text(200, "line\n".repeat(1_000_000)));
    const cli = startCli(api.url, ["logs", JOB_ID]);
    await api.next(LOGS);
    cli.child.stdout?.destroy();
    expect(await cli.finished).toMatchObject({ code: 141, stderr: "" });
  });
});

describe("millrace agent doctor", () => {
  it("shows each layer, and exits by the level that is asked for", async () => {
    const { code, stdout } = await millrace("agent", "doctor", "--json");
    const report = JSON.parse(stdout);
    expect([code, report.ok, report.min_level, report.checks]).toEqual([0, true, 1, []]);
    expect(report.languages.map(({ language }: { language: string }) => language)).toContain("bash");
    expect(report.layers.map((layer: { name: string }) => layer.name)).toContain("memory limit");
    const most = await millrace("agent", "doctor", "--min-level", "3");
    expect(most.code).toBe(report.level === 3 ? 0 : 9);
    expect(most.stdout).toContain(`sandbox level ${report.level} of 3`);
    expect((await millrace("agent", "doctor", "--min-level", "4")).code).toBe(2);
  });
});

describe("millrace agent settings", () => {
  it("says what there is and what is set, and no value", async () => {
    const { code, stdout } = await startCli(api.url, ["agent", "settings"], { MILLRACE_AGENT_TOKEN: "never-shown" }).finished;
    expect(code).toBe(0);
    expect(stdout).toContain("MILLRACE_AGENT_TOKEN is set here\n");
    expect(stdout).toContain("MILLRACE_AGENT_TAGS (comma list; default: default)\n");
    expect(stdout).not.toContain("never-shown");
  });
});

describe("millrace variable", () => {
  const stored = { path: "f/a/b", is_secret: true, description: "", revision: 1, created_at: "", created_by: "", updated_at: "2026-01-01", updated_by: "ann" };

  it("sends a value from the command line, from a file or from stdin, and never prints it", async () => {
    api.on("PUT /variables/by-path", json(201, stored));
    const file = join(mkdtempSync(join(tmpdir(), "millrace-cli-")), "value");
    writeFileSync(file, "from a file\n");
    expect(await millrace("variable", "set", "f/a/b", "plain")).toEqual({ code: 0, stdout: "", stderr: "f/a/b is set\n" });
    expect((await millrace("variable", "set", "f/a/b", `@${file}`, "--secret", "--description", "why")).code).toBe(0);
    const [first, second] = api.to("PUT /variables/by-path");
    expect([first?.path, JSON.parse(first?.body ?? "")]).toEqual(["/variables/by-path?path=f%2Fa%2Fb", { value: "plain" }]);
    expect(JSON.parse(second?.body ?? "")).toEqual({ value: "from a file\n", is_secret: true, description: "why" });
  });

  it("prints a plain value as it is, and says that a secret is not shown", async () => {
    api.on("GET /variables/by-path", json(200, { ...stored, is_secret: false, value: "two\nlines" }), json(200, stored));
    expect(await millrace("variable", "get", "f/a/b")).toEqual({ code: 0, stdout: "two\nlines", stderr: "" });
    expect(await millrace("variable", "get", "f/a/b")).toMatchObject({ code: 5, stdout: "", stderr: expect.stringContaining("is a secret") });
  });

  it("lists them and says how to go on", async () => {
    api.on("GET /variables", json(200, { variables: [stored], next_cursor: "f/a/b" }));
    const { code, stdout, stderr } = await millrace("variable", "list", "--prefix", "f/", "-n", "1");
    expect([code, api.to("GET /variables")[0]?.path]).toEqual([0, "/variables?limit=1&prefix=f%2F"]);
    expect(stdout).toMatch(/f\/a\/b +secret +2026-01-01 +ann/);
    expect(stderr).toContain("--cursor f/a/b");
  });
});

describe("millrace resource", () => {
  it("keeps the digits of large numbers in both directions, and deletes", async () => {
    api
      .on("PUT /resources/by-path", json(201, {}))
      .on("GET /resources/by-path", text(200, '{"path":"f/a/r","type":"t","value":{"n":12345678901234567890}}'))
      .on("DELETE /resources/by-path", (response) => response.writeHead(204).end());
    expect((await millrace("resource", "set", "f/a/r", '{"n": 12345678901234567890}', "--type", "t")).code).toBe(0);
    expect(api.to("PUT /resources/by-path")[0]?.body).toBe('{"value":{"n":12345678901234567890},"type":"t"}');
    expect((await millrace("resource", "get", "f/a/r")).stdout).toBe('{"n":12345678901234567890}\n');
    expect(await millrace("resource", "delete", "f/a/r")).toMatchObject({ code: 0, stderr: "f/a/r is deleted\n" });
    expect((await millrace("resource", "set", "f/a/r", "not json")).code).toBe(2);
  });
});

describe("millrace secrets rotate", () => {
  it("says which key seals from now on", async () => {
    api.on("POST /secrets/rotate", json(202, { version: 7 }));
    expect(await millrace("secrets", "rotate")).toMatchObject({ code: 0, stderr: expect.stringContaining("key 7") });
  });
});
