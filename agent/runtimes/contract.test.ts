import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  filesOfJobs,
  isRunning,
  openTestExecution,
  runScript,
  type ScriptOptions,
  type StartedScript,
  startScript,
  untilPrepared,
  untilWarm,
} from "../runner/attempt-harness.ts";
import type { AgentExecution, ExecutionOptions } from "../runner/execution.ts";
import { sharedBuilds } from "./compiled/test-builds.ts";
import { SAMPLES } from "./contract-samples.ts";
import type { Sample, Samples } from "./samples.ts";

/** No test below starts more scripts than that. */
const PREPARED = SAMPLES.length;
const WARM = 3;
const MODES = ["cold", "prepared", "warm", "dedicated", "off"] as const;
type Mode = (typeof MODES)[number];
/** One of each sort: how a place is made does not depend on the language, and each runs in prepared ones, which is how most jobs start. */
const SOME = ["bash", "python3", "typescript", "go"];
const ALL = SAMPLES.map(({ language }) => language);
const OPTIONS: Readonly<Record<Mode, Partial<ExecutionOptions>>> = {
  cold: { prepared: 0, languages: SOME },
  prepared: { prepared: PREPARED, languages: ALL },
  warm: { prepared: 0, warmMb: 1_024, warmLeast: WARM, languages: ALL },
  dedicated: { prepared: 0, dedicated: 4, languages: ALL },
  off: { sandbox: "off", languages: SOME },
};
const LIMITS = { timeoutGraceMs: 300, cancelGraceMs: 10_000 };
const built = await buildOnce();
const opened = new Map(await Promise.all(MODES.map(async (mode) => [mode, await openTestExecution({ ...OPTIONS[mode], limits: LIMITS }, built.dir)] as const)));

/** The languages that a mode is tried with. */
function tried(execution: AgentExecution, mode: Mode): readonly Samples[] {
  if (mode === "prepared") return SAMPLES;
  if (mode === "cold" || mode === "off") return SAMPLES.filter(({ language }) => SOME.includes(language));
  return SAMPLES.filter(({ language }) => {
    const runtime = execution.runtimes.find(language);
    // What waits or stays is the same program for TypeScript and JavaScript.
    return runtime?.kind === "process" && runtime.interpreter !== undefined && language !== "javascript";
  });
}

async function untilReady(execution: AgentExecution, mode: Mode): Promise<void> {
  if (mode === "prepared") await untilPrepared(execution, PREPARED);
  if (mode === "warm") await untilWarm(execution, WARM);
}

/** Programs of compiled languages are the same in all three modes. */
async function buildOnce(): ReturnType<typeof openTestExecution> {
  const languages = ["go", "rust", "java"];
  const one = await openTestExecution({ prepared: 0, languages }, await sharedBuilds());
  const compiled = SAMPLES.filter(({ language }) => languages.includes(language) && one.execution.runtimes.find(language) !== undefined);
  const buildAll = async ({ language, echo, precise, exit0, unfit }: Samples): Promise<void> => {
    for (const sample of [echo, precise, exit0, unfit?.code ?? echo]) await runScript(one.execution, language, ...called(sample, {}));
  };
  await Promise.all(compiled.map(buildAll));
  return one;
}

/** A sample and its options as `runScript` takes them. */
function called(sample: Sample, options: ScriptOptions): [string, ScriptOptions] {
  return typeof sample === "string" ? [sample, options] : [sample.code, { ...options, args: sample.args }];
}

/** For variants that exist: what a language or a mode does not have is no test, and one that is skipped means that something is missing here. */
function testIf(exists: boolean): (name: string, run: () => Promise<void>) => void {
  return exists ? it : () => undefined;
}

afterAll(() => {
  for (const one of [built, ...opened.values()]) one.dispose();
});

describe.each(MODES)("with the sandbox %s", (mode) => {
  const one = opened.get(mode);
  if (one === undefined) throw new Error(`no execution for ${mode}`);
  const { execution } = one;
  // Builds have sandboxes of their own, which are made for them.
  const starts = (): { fast: number; cold: number } => {
    const { fast, cold } = execution.sandbox.stats();
    return { fast, cold: cold - execution.workshop.stats().builds };
  };
  afterAll(() => {
    const { fast, warm } = execution.sandbox.stats();
    const { jobs } = execution.dedicated.stats();
    expect({ fast: fast > 20, warm: warm > 20, dedicated: jobs > 20 }).toEqual({
      fast: mode === "prepared" || mode === "warm",
      warm: mode === "warm",
      dedicated: mode === "dedicated",
    });
  });

  // A missing runtime shows up as a skipped suite with its name, never as a pass.
  const available = (samples: Samples): boolean => execution.runtimes.find(samples.language) !== undefined;
  const all = tried(execution, mode);
  const dedicated = mode === "dedicated";

  // All languages at once: apart, this test of waiting took most of the time of this file.
  it("ends at the timeout, by KILL when TERM is ignored, in every language of the mode", async () => {
    const offered = all.filter(available);
    // Those that need not start first need less time, and so do few.
    let seconds = mode === "warm" || dedicated ? 2 : mode === "prepared" ? 5 : 3;
    const startAll = async (): Promise<StartedScript[]> => {
      await untilReady(execution, mode);
      const limits = { timeoutMs: seconds * 1_000 };
      return offered.map((samples) => startScript(execution, samples.language, ...called(samples.stubborn, { limits, dedicated })));
    };
    const haveBegun = (those: readonly StartedScript[]): Promise<boolean> =>
      Promise.all(those.map((script) => script.saw("ready\n"))).then(
        () => true,
        () => false,
      );
    const before = starts();
    let scripts = await startAll();
    // A busy machine needs longer: one that was asked to end before it had begun says nothing of signals.
    while (!(await haveBegun(scripts)) && seconds < 60) {
      await Promise.all(scripts.map(({ done }) => done));
      seconds *= 2;
      scripts = await startAll();
    }
    expect(await haveBegun(scripts)).toBe(true);
    for (const [at, { done }] of scripts.entries()) {
      const outcome = await done;
      const language = offered[at]?.language;
      expect({ language, ...outcome.exit }).toMatchObject({ language, reason: "timeout", message: `the script ran longer than ${seconds} s` });
      expect(outcome.finishedAtUs - outcome.startedAtUs).toBeGreaterThan(250_000);
    }
    expect(await filesOfJobs(execution)).toEqual([]);
    const { fast, cold } = starts();
    if (mode !== "warm") expect(mode === "prepared" ? cold - before.cold : fast - before.fast).toBe(0);
  }, 300_000);

  for (const samples of all) {
    describe.skipIf(!available(samples))(`the runtime ${samples.language}`, { timeout: 60_000 }, () => {
      const run = (sample: Sample, options: ScriptOptions = {}) => runScript(execution, samples.language, ...called(sample, { dedicated, ...options }));
      const start = (sample: Sample, options: ScriptOptions = {}) => startScript(execution, samples.language, ...called(sample, { dedicated, ...options }));

      beforeAll(() => expect(execution.sandbox.kind).toBe(mode === "off" ? "unsandboxed" : "bubblewrap"));
      let before = starts();
      beforeEach(async () => {
        await untilReady(execution, mode);
        before = starts();
      });
      afterEach(async () => {
        // Those that stay keep their script.
        if (!dedicated) expect(await filesOfJobs(execution)).toEqual([]);
        const { fast, cold } = starts();
        // Scripts that were refused were not started at all.
        expect(mode === "prepared" || mode === "warm" ? cold - before.cold : fast - before.fast).toBe(0);
      });

      it("returns the result and says when it ran", async () => {
        const before = Date.now() * 1_000;
        const outcome = await run(samples.echo, { args: '{"a":"x"}' });
        expect(outcome).toMatchObject({ exit: { reason: "succeeded", code: 0, signal: "", message: "" }, resultJson: '{"got":"x"}' });
        expect(outcome.startedAtUs).toBeGreaterThanOrEqual(before);
        expect(outcome.finishedAtUs).toBeGreaterThanOrEqual(outcome.startedAtUs);
      });

      it("keeps every character and every digit", async () => {
        const text = 'ü€😀 "q" \\ \n\t$(id) `id` ${x} \u2028';
        const outcome = await run(samples.precise, { args: `{"text":${JSON.stringify(text)},"big":12345678901234567890}` });
        expect(outcome).toMatchObject({ exit: { reason: "succeeded" }, resultJson: "12345678901234567890", stderr: text });
      });

      // In one mode: wrappers are the same in all.
      testIf(mode === "prepared")("takes names of arguments for nothing but names (S-70)", async () => {
        const names = ["$(echo pw''ned)", "`echo pw''ned`", "a'; echo pw''ned; '", 'a"); print("pw" + "ned"); ("', "#{puts 'pw'+'ned'}", "-e", "constructor"];
        const members = [...names, "__proto__"].map((name) => `${JSON.stringify(name)}:1`);
        const outcome = await run(samples.echo, { args: `{"a":"x",${members.join(",")}}` });
        expect(outcome.stdout + outcome.stderr).not.toContain("pwned");
        // Some languages refuse what `main` does not name.
        const { error } = JSON.parse(outcome.resultJson);
        if (outcome.exit.reason === "succeeded") expect(outcome.resultJson).toBe('{"got":"x"}');
        else expect([outcome.exit.reason, names.some((name) => String(error.message).includes(name.slice(0, 8)))]).toEqual(["exit_code", true]);
      });

      it("names the script's own line when it fails", async () => {
        const outcome = await run(samples.fails);
        expect(outcome.exit).toMatchObject({ reason: "exit_code", code: samples.failure.code });
        expect(JSON.parse(outcome.resultJson).error.name).toBe(samples.failure.name);
        const where = outcome.stderr + String(JSON.parse(outcome.resultJson).error.stack ?? "");
        expect(where).toMatch(new RegExp(`${samples.file}(?:"|:)? ?,? ?(?:line )?3\\b`));
        expect(where).not.toContain("wrapper");
      });

      it("reports a syntax error with its line", async () => {
        const outcome = await run(samples.broken);
        expect(outcome.exit).toMatchObject({ reason: "syntax_error", code: 0 });
        expect(outcome.exit.message).toContain("line 3");
        expect(JSON.parse(outcome.resultJson).error).toMatchObject({ name: "SyntaxError", line: 3 });
        expect(outcome.stdout).toBe("");
      });

      it("keeps the order of each stream", async () => {
        const outcome = await run(samples.lines);
        const expected = (word: string): string => Array.from({ length: 200 }, (_, index) => `${word} ${index}\n`).join("");
        expect([outcome.stdout, outcome.stderr]).toEqual([expected("out"), expected("err")]);
      });

      it("shows a line at once, and a cancel ends it", async () => {
        const script = start(samples.waits);
        await script.saw("ready\n");
        script.cancel("enough");
        script.cancel("twice");
        expect(await script.done).toMatchObject({
          exit: { reason: "cancelled", message: "enough" },
          resultJson: '{"error":{"name":"Cancelled","message":"enough"}}',
        });
        expect(script.starts()).toBe(1);
      });

      it("passes on the exit code", async () => {
        expect((await run(samples.exit3)).exit).toMatchObject({ reason: "exit_code", code: 3 });
        expect(await run(samples.exit0)).toMatchObject({ exit: { reason: "succeeded" }, resultJson: "null" });
      });

      it("lets a script clean up after a cancel", async () => {
        const script = start(samples.polite);
        await script.saw("ready\n");
        script.cancel("stop");
        expect((await script.done).exit.reason).toBe("cancelled");
        expect(script.printed(0).toString()).toBe("ready\nbye\n");
      });

      it("kills at once when it is fenced, also during the grace of a cancel", async () => {
        const script = start(samples.stubborn);
        await script.saw("ready\n");
        script.cancel("stop");
        script.fence("stale");
        expect((await script.done).exit).toMatchObject({ reason: "fenced", message: "stale" });
      });

      it("leaves no process behind", async () => {
        // A number nobody else sleeps for.
        const seconds = `${3_000 + SAMPLES.indexOf(samples)}.${process.pid}${MODES.indexOf(mode) + 1}`;
        const outcome = await run(samples.leaves(seconds, mode !== "off"));
        expect(outcome).toMatchObject({ exit: { reason: "succeeded" }, resultJson: '"left"' });
        expect(isRunning("sleep", seconds)).toBe(false);
      });

      it("takes a result up to the cap and refuses a larger one", async () => {
        const limits = { resultMaxBytes: 1_000 };
        expect((await run(samples.big(998), { limits })).exit.reason).toBe("succeeded");
        expect((await run(samples.big(999), { limits })).exit.reason).toBe("result_too_large");
        const huge = await run(samples.big(400_000), { limits });
        expect(huge.exit).toMatchObject({ reason: "result_too_large", message: "the result is larger than 1000 B" });
      });

      testIf(samples.unfit !== undefined)("says where a result is not JSON", async () => {
        const outcome = await run(samples.unfit?.code ?? "");
        expect(outcome.exit.reason).toBe("result_invalid");
        expect(outcome.exit.message).toContain(`at ${samples.unfit?.path}:`);
      });

      it("passes bytes and colours through untouched", async () => {
        const script = start(samples.bytes);
        await script.done;
        const expected = Buffer.concat([Buffer.from(Array.from({ length: 256 }, (_, index) => index)), Buffer.from("\u001b[31mred\u001b[0m\n")]);
        expect(script.printed(0).equals(expected)).toBe(true);
      });

      it("lets scripts open /dev/stdout and /dev/stderr", async () => {
        expect(await run(samples.devices)).toMatchObject({ exit: { reason: "succeeded" }, stdout: "a", stderr: "b" });
      });

      it("gives the script its own environment and nothing of the agent's", async () => {
        const env = [
          { name: "MINE", value: "a=b c" },
          { name: "LD_PRELOAD", value: "/evil.so" },
        ];
        const outcome = await run(samples.environment, { env });
        const lines = outcome.stdout.split("\n");
        expect(lines).toEqual(expect.arrayContaining(["MINE=a=b c", "MILLRACE_WORKSPACE=acme", "WM_JOB_PATH=f/tests/script"]));
        expect(outcome.agentText).toContain("LD_PRELOAD");
        const own = new Set(["PATH", "LANG", "TZ", "HOME", "TMPDIR", "PWD", "SHLVL", "_", "OLDPWD", "LC_CTYPE", "MINE", "", ...(samples.ownEnvironment ?? [])]);
        const others = lines
          .map((line) => line.split("=")[0] ?? "")
          .filter((name) => !own.has(name) && !/^(?:MILLRACE_ATTEMPT|(?:MILLRACE|WM)_(?:WORKSPACE|JOB_ID|JOB_PATH|STATE_PATH|USERNAME))$/.test(name));
        expect(others).toEqual([]);
      });

      it("stops reading while the receiver is busy and loses nothing", async () => {
        let busy = false;
        let disturbed = 0;
        let bytes = 0;
        const outcome = await run(samples.million, {
          onOutput: (_, data) => {
            if (busy) disturbed += 1;
            bytes += data.length;
            busy = true;
            return new Promise((resolve) =>
              setImmediate(() => {
                busy = false;
                resolve();
              }),
            );
          },
        });
        expect([outcome.exit.reason, disturbed]).toEqual(["succeeded", 0]);
        expect(bytes).toBe(1_000_000);
      });

      testIf(mode !== "off")("cannot change its job folder", async () => {
        expect((await run(samples.writesJob)).resultJson).toBe('"no"');
      });
    });
  }
});
