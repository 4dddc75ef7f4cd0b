import { pino } from "pino";
import { exitOf } from "../../../kernel/exit.ts";
import { createAgent } from "../../agent.ts";
import { readAgentConfig } from "../../config.ts";
import type { Executor } from "../../executor.ts";
import type { AttemptIo, AttemptOutcome } from "../../runner/attempt-types.ts";

/*
 * An agent in a process of its own, for tests that kill it or measure it. Its executor runs nothing: `code` says what an attempt does.
 *   lines <n>   writes n lines and ends; respects back-pressure
 *   hang        writes one line and never ends
 */

const outcome = (resultJson: string): AttemptOutcome => ({ exit: exitOf("succeeded"), resultJson, startedAtUs: 1, finishedAtUs: 2 });

async function writeLines(io: AttemptIo, count: number): Promise<AttemptOutcome> {
  let text = "";
  for (let line = 0; line < count; line++) {
    text += `line ${line} ${(line * 2_654_435_761) % 4_294_967_296}\n`;
    if (text.length < 32_768 && line + 1 < count) continue;
    await io.onOutput(0, Buffer.from(text));
    text = "";
    // A real process comes through a pipe: the event loop turns between two reads.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return outcome(String(count));
}

function hang(io: AttemptIo): Promise<AttemptOutcome> {
  void io.onOutput(0, Buffer.from("alive\n"));
  return new Promise(() => undefined);
}

const executor: Executor = {
  runtimes: [],
  sandbox: { level: 0, reasons: ["test"] },
  startAttempt: (bundle, io) => {
    io.onStarted(Date.now() * 1000);
    const [verb, count] = bundle.code.split(" ");
    const done = verb === "lines" ? writeLines(io, Number(count)) : hang(io);
    return { done, cancel: () => undefined, fence: () => undefined };
  },
};

const stop = new AbortController();
let peakRssBytes = 0;
setInterval(() => {
  peakRssBytes = Math.max(peakRssBytes, process.memoryUsage.rss());
}, 20).unref();
process.once("SIGTERM", () => stop.abort());
const config = readAgentConfig(process.env);
await createAgent(config, { log: pino({ level: config.logLevel }, pino.destination(2)), openExecutor: () => Promise.resolve(executor) }).run(stop.signal);
process.stdout.write(`${JSON.stringify({ peakRssBytes })}\n`);
