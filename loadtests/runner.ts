import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { messageOf } from "../kernel/app-error.ts";
import type { Command } from "./cli.ts";
import { makeDocument, type ReportDocument } from "./report/document.ts";
import { renderHtml } from "./report/html.ts";
import { shortNumber } from "./report/scale.ts";
import { judge } from "./result/figures.ts";
import type { ScenarioResult } from "./result/model.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { commitOfCheckout, describeMachine, loadNow } from "./world/machine.ts";
import { Scope } from "./world/scope.ts";

type Run = Extract<Command, { kind: "run" }>;

const REPORTS = fileURLToPath(new URL("reports/", import.meta.url));

/** Runs scenarios one after another, writes the report, and says what came out. @returns the exit code */
export async function run(command: Run, signal: AbortSignal): Promise<number> {
  if (process.platform !== "linux") {
    say("load tests read /proc: they run on Linux only");
    return 2;
  }
  const startedAt = new Date();
  const machine = { ...describeMachine(), loadBefore: loadNow() };
  if (machine.loadBefore > 0.5) say(`the machine is not quiet: its load is ${machine.loadBefore}. Figures will suffer.`);
  say(`seed ${command.seed}`);
  const results: ScenarioResult[] = [];
  const failures: { scenario: string; message: string }[] = [];
  for (const scenario of command.scenarios) {
    if (signal.aborted) break;
    say(`\n${scenario.name} (${command.short ? `short form, ${scenario.takes.short}` : scenario.takes.long})`);
    try {
      const result = await runScenario(scenario, command, signal);
      results.push(result);
      tell(result);
    } catch (error) {
      if (signal.aborted) break;
      failures.push({ scenario: scenario.name, message: messageOf(error) });
      say(`  FAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  if (signal.aborted) {
    say("stopped; everything that was started has been ended");
    return 130;
  }
  const tookS = (Date.now() - startedAt.getTime()) / 1000;
  const facts = { name: command.name, short: command.short, commit: commitOfCheckout(), command: commandLine(), machine, seed: command.seed, startedAt, tookS };
  const report = makeDocument(facts, results, failures);
  write(command, report);
  return report.problems.length + report.failures.length > 0 ? 1 : 0;
}

async function runScenario(scenario: Scenario, command: Run, signal: AbortSignal): Promise<ScenarioResult> {
  const scope = new Scope();
  const startedAt = new Date();
  const loadBefore = loadNow();
  const { short, seed, peers, seconds, agents, slots } = command;
  const stopped = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped")), { once: true }));
  const measuring = scenario.run({ scope, short, seed, peers, seconds, agents, slots, say: (text) => say(`  ${text}`) });
  // After a stop the scenario itself fails too, of what is taken away from it.
  measuring.catch(() => undefined);
  try {
    const { aims, peers: peerResults, notes, ...measured } = await Promise.race([measuring, stopped]);
    const verdicts = judge(aims, measured.figures);
    const tookS = (Date.now() - startedAt.getTime()) / 1000;
    const about = {
      scenario: scenario.name,
      form: short ? ("short" as const) : ("long" as const),
      seed,
      startedAt: startedAt.toISOString(),
      tookS,
      loadBefore,
    };
    return { ...about, ...measured, verdicts, peers: peerResults ?? {}, notes: notes ?? [] };
  } finally {
    await scope.close();
  }
}

function tell(result: ScenarioResult): void {
  const width = Math.max(...Object.keys(result.figures).map((name) => name.length));
  for (const [name, value] of Object.entries(result.figures)) process.stdout.write(`  ${name.padEnd(width)}  ${value}\n`);
  for (const [peer, found] of Object.entries(result.peers)) {
    if (found.kind === "skipped") process.stdout.write(`  ${peer}: skipped: ${found.reason}\n`);
    else for (const [name, value] of Object.entries(found.figures)) process.stdout.write(`  ${peer}: ${name}  ${value}\n`);
  }
  for (const verdict of result.verdicts) {
    const value = verdict.value === null ? "not measured" : shortNumber(verdict.value);
    process.stdout.write(`  ${verdict.met ? "met   " : "MISSED"} ${verdict.words}: ${value} (${verdict.kind} ${shortNumber(verdict.limit)})\n`);
  }
  for (const problem of result.problems) process.stdout.write(`  BROKEN PROMISE: ${problem}\n`);
}

function write(command: Run, report: ReportDocument): void {
  const stamp = report.startedAt.slice(0, 19).replace("T", "-").replaceAll(":", "");
  const base = join(REPORTS, `${command.name}${command.short ? "-short" : ""}-${stamp}`);
  const json = command.json ?? `${base}.json`;
  const html = command.html ?? `${base}.html`;
  for (const [file, text] of [
    [json, `${JSON.stringify(report, null, 2)}\n`],
    [html, renderHtml(report)],
  ] as const) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  say(`\n${json}\n${html}`);
}

function commandLine(): string {
  return `npm run loadtest -- ${process.argv.slice(2).join(" ")}`;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
