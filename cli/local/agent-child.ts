import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AGENT_ENVIRONMENT, AGENT_NODE_FLAGS } from "../../agent/node-flags.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import { inkFor, say } from "../output.ts";
import { PROJECT_ROOT } from "../settings.ts";
import { formatJsonLine } from "./console-log.ts";

export interface AgentChildOptions {
  readonly grpcAddress: string;
  readonly token: string;
  readonly dataDir: string;
}

const RESTART_BASE_MS = 500;
const RESTART_CAP_MS = 30_000;
/** One that ran for this long starts again at once when it dies. */
const STEADY_MS = 60_000;
/** What running jobs get when everything is stopped. */
const DRAIN_GRACE_MS = 10_000;
/** After its own grace the agent still kills and reports: then it is killed itself. */
const STOP_MARGIN_MS = 8000;
const KEPT_LINES = 12;
/** The settings that we decide; the rest of the environment is passed on. */
const OURS = ["MILLRACE_AGENT_TOKEN_FILE", "MILLRACE_URL", "MILLRACE_DATABASE_URL", "MILLRACE_TOKEN", "MILLRACE_MASTER_KEY", "MILLRACE_OIDC"];

/**
 * One agent as a child process, started again with growing pauses when it dies. It has its own process group, so that Ctrl-C
 * reaches us alone and we stop things in order; it watches its stdin, so that it ends when we are killed.
 */
export class AgentChild {
  readonly #options: AgentChildOptions;
  readonly #lines: string[] = [];
  #child: ChildProcess | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #deaths = 0;

  constructor(options: AgentChildOptions) {
    this.#options = options;
  }

  /** Times that it has ended by itself in a row, without a long run in between. */
  get deaths(): number {
    return this.#deaths;
  }

  /** The last lines that it wrote. */
  get lastLines(): readonly string[] {
    return this.#lines;
  }

  start(): void {
    const { grpcAddress, token, dataDir } = this.#options;
    const inherited = Object.fromEntries(Object.entries(process.env).filter(([key]) => !OURS.includes(key)));
    const child = spawn(process.execPath, [...AGENT_NODE_FLAGS, join(PROJECT_ROOT, "cli/main.ts"), "agent", "--until-stdin-ends"], {
      stdio: ["pipe", "ignore", "pipe"],
      detached: true,
      env: {
        MILLRACE_LOG_LEVEL: "warn",
        MILLRACE_AGENT_NAME: "local",
        MILLRACE_AGENT_DRAIN_GRACE_MS: String(DRAIN_GRACE_MS),
        MILLRACE_AGENT_DATA_DIR: dataDir,
        ...AGENT_ENVIRONMENT,
        ...inherited,
        MILLRACE_GRPC_ADDRESS: grpcAddress,
        MILLRACE_AGENT_TOKEN: token,
      },
    });
    this.#child = child;
    const startedMs = performance.now();
    const ink = inkFor(process.stderr);
    child.stdin?.on("error", () => undefined);
    if (child.stderr !== null) {
      createInterface({ input: child.stderr }).on("line", (line) => {
        const shown = formatJsonLine("agent", line, ink);
        this.#lines.push(shown);
        if (this.#lines.length > KEPT_LINES) this.#lines.shift();
        say(shown);
      });
    }
    child.on("error", (error) => say(`${ink.red("agent error:")} it cannot be started: ${error.message}`));
    child.on("exit", (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      if (this.#stopping) return;
      this.#deaths = performance.now() - startedMs > STEADY_MS ? 1 : this.#deaths + 1;
      const waitMs = backoffMs(this.#deaths - 1, RESTART_BASE_MS, RESTART_CAP_MS, Math.random());
      say(`${ink.yellow("agent warn:")} it ended (${signal ?? `exit code ${code}`}); starting it again in ${(waitMs / 1000).toFixed(1)} s`);
      this.#timer = setTimeout(() => this.start(), waitMs);
    });
  }

  /** Lets running jobs end within their grace, then ends the agent. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.kill("SIGTERM");
    const limit = setTimeout(() => child.kill("SIGKILL"), Number(process.env["MILLRACE_AGENT_DRAIN_GRACE_MS"] ?? DRAIN_GRACE_MS) + STOP_MARGIN_MS);
    await exited;
    clearTimeout(limit);
  }

  /** Ends it at once. */
  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
    this.#child?.kill("SIGKILL");
  }
}
