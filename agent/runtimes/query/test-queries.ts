/** Support for the tests of queries: real attempts in the real sandbox, in any workspace. */
import { readdirSync, readFileSync } from "node:fs";
import type { Limits } from "../../../proto/gen/millrace/agent/v1/job.ts";
import { startAttempt } from "../../runner/attempt.ts";
import { bundleOf, openTestExecution } from "../../runner/attempt-harness.ts";
import type { AttemptOutcome } from "../../runner/attempt-types.ts";
import type { ExecutionOptions } from "../../runner/execution.ts";
import { QUERY_LANGUAGES } from "./messages-codec.ts";

export interface QueryRun {
  readonly workspace?: string;
  readonly limits?: Partial<Limits>;
}

export interface QueryOutcome extends AttemptOutcome {
  /** What the agent wrote into the job's log. */
  readonly said: string;
}

export interface StartedQuery {
  readonly done: Promise<QueryOutcome>;
  cancel(reason: string): void;
  /** Resolves when the agent has written the text into the job's log. The limit is that of the test. */
  saw(text: string): Promise<void>;
}

/** An execution with the network, so that all query languages are offered. */
export async function openQueries(options: Partial<ExecutionOptions> = {}) {
  const opened = await openTestExecution({ network: "full", prepared: 0, languages: QUERY_LANGUAGES, limits: { timeoutGraceMs: 200 }, ...options });
  const start = (language: string, code: string, args: object | string = {}, run: QueryRun = {}): StartedQuery => {
    let said = "";
    const bundle = bundleOf(language, code, {
      args: typeof args === "string" ? args : JSON.stringify(args),
      ...(run.limits === undefined ? {} : { limits: run.limits }),
    });
    const attempt = startAttempt(
      opened.execution,
      { ...bundle, workspace: run.workspace ?? "acme" },
      {
        onStarted: () => undefined,
        onOutput: (_stream, data) => {
          said += data.toString("utf8");
          return undefined;
        },
      },
    );
    const saw = async (text: string): Promise<void> => {
      while (!said.includes(text)) await new Promise((resolve) => setTimeout(resolve, 2));
    };
    return { done: attempt.done.then((outcome) => ({ ...outcome, said })), cancel: attempt.cancel, saw };
  };
  return { ...opened, start, run: (...all: Parameters<typeof start>): Promise<QueryOutcome> => start(...all).done };
}

/** The helpers of this kind that run now on this machine below this process. */
export function helpersOf(kind: string): { readonly pid: number; readonly peakKb: number }[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^[0-9]+$/.test(name)) return [];
    try {
      const argv = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      if (!argv[0]?.endsWith("/node") || !argv.some((arg) => arg.endsWith("/helper-main.ts")) || !argv.includes(kind)) return [];
      const status = readFileSync(`/proc/${name}/status`, "utf8");
      return isBelowUs(Number(name)) ? [{ pid: Number(name), peakKb: Number(/VmHWM:\s+([0-9]+)/.exec(status)?.[1] ?? 0) }] : [];
    } catch {
      return [];
    }
  });
}

function isBelowUs(pid: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === process.pid) return true;
    at = Number(/PPid:\s+([0-9]+)/.exec(readFileSync(`/proc/${at}/status`, "utf8"))?.[1] ?? 0);
  }
  return false;
}
