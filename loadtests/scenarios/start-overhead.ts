import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startAttempt } from "../../agent/runner/attempt.ts";
import { type AgentExecution, type ExecutionOptions, openExecution } from "../../agent/runner/execution.ts";
import { closeInheritedFds } from "../../agent/sandbox/inherited-fds.ts";
import { type Bundle, Network, Purpose } from "../../proto/gen/millrace/agent/v1/job.ts";
import { ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";
import { Latencies, latencyFigures } from "../load/latencies.ts";
import { monotonicUs, pause } from "../load/monotonic.ts";
import type { Measured } from "../result/model.ts";
import { percentileChart } from "./charts.ts";
import type { Scenario, ScenarioContext } from "./scenario.ts";

/**
 * Microseconds since the epoch, as other programs read them now. `wallUs` follows the clock of this process since it started, and is off by more
 * than a start takes where the machine's clock is being set right. Stands still for up to a millisecond.
 */
function exactWallUs(): number {
  const before = Date.now();
  for (;;) {
    const now = Date.now();
    if (now !== before) return now * 1000;
  }
}

/** A script that returns its clock, microseconds, as soon as it is its turn. */
interface Clocked {
  readonly code: string;
  readonly nowUs: () => number;
  /** The same as a plain process of this machine, printing it. */
  readonly plain: readonly string[];
}

const PYTHON = "time.monotonic_ns() / 1000";
const NODE = "Number(process.hrtime.bigint()) / 1000";
const LANGUAGES: Readonly<Record<string, Clocked>> = {
  python3: {
    code: `import time\ndef main():\n    return ${PYTHON}\n`,
    nowUs: monotonicUs,
    plain: ["/usr/bin/python3", "-I", "-B", "-c", `import time; print(${PYTHON})`],
  },
  typescript: { code: `export function main(): number {\n  return ${NODE};\n}\n`, nowUs: monotonicUs, plain: [process.execPath, "-e", `console.log(${NODE})`] },
  bash: { code: "echo ${EPOCHREALTIME/[.,]/}\n", nowUs: exactWallUs, plain: ["/bin/bash", "--noprofile", "--norc", "-c", "echo ${EPOCHREALTIME/[.,]/}"] },
};
const WORDS: Readonly<Record<string, string>> = { python3: "python", typescript: "typescript", bash: "bash" };
const OTHERS: Readonly<Record<Way, readonly string[]>> = {
  cold: ["python3", "typescript", "bash"],
  prepared: ["python3", "typescript", "bash"],
  warm: ["python3", "typescript"],
  dedicated: ["python3", "typescript"],
};
type Way = "cold" | "prepared" | "warm" | "dedicated";
const OPTIONS: Readonly<Record<Way, Partial<ExecutionOptions>>> = {
  cold: { prepared: 0 },
  prepared: { prepared: 4 },
  warm: { prepared: 0, warmMb: 512, warmLeast: 2 },
  dedicated: { prepared: 0, dedicated: 2 },
};

/** From the bytes of an assignment, as the agent has them from the wire, to the first statement of `main`; the agent's own code, sandboxes and programs. */
export const startOverhead: Scenario = {
  name: "start-overhead",
  summary: "assignment received to the first statement of the script, sandboxed: cold, prepared, warm and dedicated; plain spawns beside it",
  takes: { short: "half a minute", long: "4 minutes" },
  async run(context) {
    closeInheritedFds();
    const [warmUp, count] = context.short ? [15, 40] : [100, 400];
    const found = new Map<string, Latencies>();
    for (const way of ["cold", "prepared", "warm", "dedicated"] as const) {
      context.say(`${way} …`);
      for (const [language, latencies] of await measureWay(context, way, warmUp, count)) found.set(`${WORDS[language]}_${way}`, latencies);
    }
    context.say("plain spawns …");
    for (const [language, clocked] of Object.entries(LANGUAGES)) found.set(`${WORDS[language]}_plain_spawn`, await measurePlain(clocked, warmUp, count));
    return describe(found, count);
  },
};

async function measureWay(context: ScenarioContext, way: Way, warmUp: number, count: number): Promise<Map<string, Latencies>> {
  const dir = mkdtempSync(join(tmpdir(), "millrace-start-overhead-"));
  const opened = await openExecution({ dir, sandbox: "required", ...OPTIONS[way] });
  context.scope.defer(() => {
    opened.close();
    rmSync(dir, { recursive: true, force: true });
  });
  const found = new Map<string, Latencies>();
  for (const language of OTHERS[way]) {
    const latencies = new Latencies();
    for (let at = 0; at < warmUp + count && opened.execution.runtimes.find(language) !== undefined; at++) {
      await untilReady(opened.execution, way);
      // Longer than whatever is still to be done for the job before.
      await pause(10 + ((at * 7) % 15));
      const us = await oneStart(opened.execution, language, way === "dedicated");
      if (at >= warmUp) latencies.recordUs(us);
    }
    found.set(language, latencies);
  }
  opened.close();
  return found;
}

async function untilReady({ sandbox }: AgentExecution, way: Way): Promise<void> {
  const isReady = (): boolean => {
    const { ready, warmReady } = sandbox.stats();
    if (way === "prepared") return ready >= 2;
    return way !== "warm" || Math.min(...warmReady.values()) >= 2;
  };
  while (!isReady()) await pause(2);
}

async function oneStart(execution: AgentExecution, language: string, dedicated: boolean): Promise<number> {
  const clocked = LANGUAGES[language];
  if (clocked === undefined) throw new Error(`no script for ${language}`);
  const bytes = ServerFrame.encode(ServerFrame.fromPartial({ assign: [bundleOf(language, clocked.code, dedicated)] })).finish();
  const receivedUs = clocked.nowUs();
  const [bundle] = ServerFrame.decode(bytes).assign;
  if (bundle === undefined) throw new Error("the frame holds no assignment");
  const { done } = startAttempt(execution, bundle, { onStarted: () => undefined, onOutput: () => undefined });
  const { exit, resultJson } = await done;
  if (exit.reason !== "succeeded") throw new Error(`a ${language} script did not succeed: ${exit.message}`);
  return Number(resultJson) - receivedUs;
}

function bundleOf(language: string, code: string, dedicated: boolean): Bundle {
  return {
    jobId: "01890000-0000-7000-8000-000000000001",
    token: "7",
    attempt: 1,
    workspace: "load",
    scriptPath: "f/load/start",
    language,
    codeHash: "",
    secrets: [],
    createdBy: "",
    code,
    argsJson: "{}",
    env: [],
    limits: undefined,
    tag: "default",
    purpose: Purpose.PURPOSE_UNSPECIFIED,
    lock: "",
    requirements: { network: Network.NETWORK_UNSPECIFIED, allow: [], minSandboxLevel: 0, memoryBytes: 0, cpuMillis: 0, dedicated },
  };
}

async function measurePlain({ plain, nowUs }: Clocked, warmUp: number, count: number): Promise<Latencies> {
  const latencies = new Latencies();
  const [program = "", ...args] = plain;
  for (let at = 0; at < warmUp + count; at++) {
    await pause(10 + ((at * 7) % 15));
    const startedUs = nowUs();
    const us = Number(await outputOf(program, args)) - startedUs;
    if (at >= warmUp) latencies.recordUs(us);
  }
  return latencies;
}

function outputOf(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
    let text = "";
    child.stdout.on("data", (data: Buffer) => {
      text += data.toString("latin1");
    });
    child.once("error", reject);
    child.once("close", () => resolve(text));
  });
}

function describe(found: ReadonlyMap<string, Latencies>, count: number): Measured {
  const figures = Object.assign({}, ...[...found].map(([name, latencies]) => latencyFigures(`start_${name}`, latencies))) as Record<string, number>;
  const aim = (name: string, limit: number) =>
    ({ figure: `start_${name}_p50_ms`, kind: "at most", limit, words: `4: ${name.replace("_", " ")} start, p50, ms` }) as const;
  return {
    figures,
    aims: [
      aim("python_warm", 4),
      aim("typescript_warm", 4),
      aim("python_cold", 60),
      aim("typescript_cold", 60),
      aim("bash_prepared", 15),
      aim("python_dedicated", 5),
      aim("typescript_dedicated", 2),
    ],
    charts: [percentileChart("Assignment received to the first statement of the script", Object.fromEntries(found))],
    settings: { starts_of_each: count, one_at_a_time: true },
    notes: [
      "The script's own clock at the first statement of main, against the moment at which the agent has the bytes of the frame.",
      "A warm start is measured when its interpreter waits; under steady load most interpreters are still being made.",
      "A plain spawn is the same interpreter without a sandbox, started from this process.",
    ],
    problems: [...found].filter(([, latencies]) => latencies.count === 0).map(([name]) => `${name}: not measured, the runtime is missing`),
  };
}
