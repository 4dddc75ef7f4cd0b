import { describe, expect, it } from "vitest";
import { bundleOf } from "./attempt-harness.ts";
import { jobEnv } from "./job-env.ts";

const envOf = (env: { name: string; value: string }[]) => jobEnv(bundleOf("bash", "", { env }), "/tmp", new Map([["RUNTIME", "1"]]));

describe("jobEnv", () => {
  it("holds the base, the runtime's and the job's variables and nothing else", () => {
    expect([...envOf([]).env.keys()].sort()).toEqual(
      [
        "HOME",
        "MILLRACE_ATTEMPT",
        "LANG",
        "MILLRACE_JOB_ID",
        "MILLRACE_JOB_PATH",
        "MILLRACE_STATE_PATH",
        "MILLRACE_WORKSPACE",
        "PATH",
        "RUNTIME",
        "TMPDIR",
        "TZ",
        "WM_JOB_ID",
        "WM_JOB_PATH",
        "WM_STATE_PATH",
        "WM_WORKSPACE",
      ].sort(),
    );
  });

  it("names where a deployed script keeps its state, and who asked for the job", () => {
    const { env } = jobEnv({ ...bundleOf("bash", ""), scriptPath: "f/a/b", createdBy: "ann" }, "/tmp", new Map());
    for (const prefix of ["MILLRACE", "WM"])
      expect([env.get(`${prefix}_JOB_PATH`), env.get(`${prefix}_STATE_PATH`), env.get(`${prefix}_USERNAME`)]).toEqual(["f/a/b", "f/a/b.state", "ann"]);
  });

  it("passes on plain variables, also with odd values and over the base", () => {
    const { env, refused } = envOf([
      { name: "A", value: "--bind\n=é" },
      { name: "TZ", value: "Europe/Berlin" },
      { name: "GITHUB_TOKEN", value: "x" },
    ]);
    expect([env.get("A"), env.get("TZ"), env.get("GITHUB_TOKEN"), refused]).toEqual(["--bind\n=é", "Europe/Berlin", "x", []]);
  });

  it.each([
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "GLIBC_TUNABLES",
    "NODE_OPTIONS",
    "NODE_PATH",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "BASH_ENV",
    "BASH_FUNC_ls%%",
    "ENV",
    "SHELLOPTS",
    "PS4",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "RUBYOPT",
    "PERL5OPT",
    "GIT_SSH_COMMAND",
    "MILLRACE_TOKEN",
    "WM_TOKEN",
    "",
    "A=B",
    "1A",
    "A-B",
    "A\0B",
    "-A",
  ])("refuses the name %j and says so", (name) => {
    const { env, refused } = envOf([{ name, value: "x" }]);
    expect([env.has(name), refused]).toEqual([false, [name]]);
  });

  it("refuses a NUL and keeps within what the kernel takes", () => {
    expect(envOf([{ name: "A", value: "a\0b" }]).refused).toEqual(["A"]);
    expect(envOf([{ name: "A", value: "x".repeat(101 * 1024) }]).refused).toEqual(["A"]);
    const many = Array.from({ length: 20 }, (_, index) => ({ name: `A${index}`, value: "x".repeat(90 * 1024) }));
    expect(envOf(many).refused.length).toBe(9);
  });
});
