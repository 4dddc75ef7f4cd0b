import { pino } from "pino";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { createAgent } from "./agent.ts";
import { type AgentConfig, readAgentConfig } from "./config.ts";
import { closeInheritedFds } from "./sandbox/inherited-fds.ts";
import { BUILD_ENV_PREFIX } from "./workshop/build-env.ts";

/** As a shell reports a process that ended by SIGINT. */
const EXIT_INTERRUPTED = 130;
const ECHO_MS = 150;

/**
 * The command `millrace agent`: settings from the environment, events as JSON lines on stderr. The first SIGTERM or SIGINT drains,
 * the second one ends the process at once. Resolves with the exit code: 0 after a drain, 1 when the agent could not run.
 */
export async function runAgentProcess(): Promise<number> {
  // What came in from outside must not reach a script.
  closeInheritedFds();
  let config: AgentConfig;
  try {
    config = readAgentConfig(process.env);
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`);
    return 1;
  }
  delete process.env["MILLRACE_AGENT_TOKEN"];
  // Passwords of registries, as often as not.
  for (const name of config.buildEnv.keys()) delete process.env[`${BUILD_ENV_PREFIX}${name}`];
  delete process.env["MILLRACE_AGENT_JOIN_TOKEN"];
  const destination = pino.destination({ fd: 2, sync: false });
  // As the control plane writes its own.
  const format = { timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label: string) => ({ level: label }) } };
  const log = pino({ level: config.logLevel, base: { agent: config.name }, ...format }, destination);
  const stop = new AbortController();
  let stoppingSinceMs = Number.NEGATIVE_INFINITY;
  const onSignal = (signal: NodeJS.Signals): void => {
    // npm and `timeout` signal the process and its group: two that come together are one wish.
    if (performance.now() - stoppingSinceMs < ECHO_MS) return;
    if (stop.signal.aborted) {
      log.warn({ event: "agent.killed", signal }, "second signal: ending at once");
      destination.flushSync();
      process.exit(EXIT_INTERRUPTED);
    }
    log.info({ event: "agent.stopping", signal }, "signal received: draining");
    stoppingSinceMs = performance.now();
    stop.abort();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  if (!config.tls && !config.addresses.every(isLoopback)) {
    log.warn({ event: "agent.plaintext", addresses: config.addresses }, "the token and all jobs cross the network unencrypted: set MILLRACE_AGENT_TLS=on");
  }
  const agent = createAgent(config, { log });
  const onHangUp = (): void => agent.reload();
  process.on("SIGHUP", onHangUp);
  try {
    await agent.run(stop.signal);
    return 0;
  } catch (error) {
    log.fatal({ event: "agent.failed", error: explain(error), cause: causeOf(error) }, "the agent ends");
    return 1;
  } finally {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
    process.off("SIGHUP", onHangUp);
    destination.flushSync();
  }
}

function isLoopback(address: string): boolean {
  const host = address.slice(0, address.lastIndexOf(":"));
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

function explain(error: unknown): string {
  const hint = error instanceof AppError && error.hint !== undefined ? `\n${error.hint}` : "";
  return `${messageOf(error)}${hint}`;
}

function causeOf(error: unknown): string | undefined {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : undefined;
}

// A drained agent may still hold idle sockets or timers of libraries: the code decides, not they.
if (import.meta.main) process.exit(await runAgentProcess());
