import "../../kernel/v8-settings.ts";
import pino from "pino";
import { createAgent } from "../../agent/agent.ts";
import { readAgentConfig } from "../../agent/config.ts";

/**
 * Real agents for the benchmark, several in one process: real streams, journals and slots. With the in-process no-op
 * runtime they do no work of their own. Settings: BENCH_AGENTS (how many), the rest as for any agent; each gets its own
 * folder below MILLRACE_AGENT_DATA_DIR.
 */
const count = Number(process.env["MILLRACE_BENCH_AGENTS"] ?? "1");
const log = pino({ level: "warn" }, pino.destination({ fd: 2, sync: true }));
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const runs = Array.from({ length: count }, (_, at) => {
  const config = readAgentConfig(process.env);
  return createAgent({ ...config, name: `${config.name}-${at}`, dataDir: `${config.dataDir}/${at}` }, { log }).run(stop.signal);
});
await Promise.all(runs);
