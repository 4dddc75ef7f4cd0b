import "../../kernel/v8-settings.ts";
import pino from "pino";
import { createAgent } from "../../agent/agent.ts";
import { readAgentConfig } from "../../agent/config.ts";

/**
 * Real agents for the benchmark, several in one process: real streams, journals and slots. With the in-process no-op
 * runtime they do no work of their own. Settings: BENCH_AGENTS (how many), the rest as for any agent; each gets its own
 * folder below MILLRACE_AGENT_DATA_DIR. Tells whoever started it when all are connected.
 */
const LOOK_MS = 20;
const count = Number(process.env["MILLRACE_BENCH_AGENTS"] ?? "1");
const log = pino({ level: "warn" }, pino.destination({ fd: 2, sync: true }));
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const agents = Array.from({ length: count }, (_, at) => {
  const config = readAgentConfig(process.env);
  return createAgent({ ...config, name: `${config.name}-${at}`, dataDir: `${config.dataDir}/${at}` }, { log });
});
const look = setInterval(() => {
  if (!agents.every((agent) => agent.status().connected)) return;
  clearInterval(look);
  process.send?.({ kind: "connected" });
}, LOOK_MS);
await Promise.all(agents.map((agent) => agent.run(stop.signal)));
clearInterval(look);
