import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { Clock } from "../../../kernel/clock.ts";
import { Verdict } from "../../../proto/gen/millrace/agent/v1/session.ts";
import { type Agent, createAgent } from "../../agent.ts";
import { type AgentConfig, readAgentConfig } from "../../config.ts";
import { type PlaneSession, ScriptedPlane } from "./scripted-plane.ts";
import { TestExecutor } from "./test-executor.ts";

export interface StartedAgent {
  readonly agent: Agent;
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** A control plane, a data folder and agents between them, for one test. */
export class AgentBench {
  readonly plane = new ScriptedPlane();
  readonly executor = new TestExecutor();
  readonly dataDir = mkdtempSync(join(tmpdir(), "millrace-agent-"));
  readonly #agents: StartedAgent[] = [];

  static async open(): Promise<AgentBench> {
    const bench = new AgentBench();
    await bench.plane.start();
    return bench;
  }

  startAgent(fields: Partial<AgentConfig> = {}, clock?: Clock): StartedAgent {
    const base = readAgentConfig({ MILLRACE_AGENT_TOKEN: "secret" });
    const config = { ...base, addresses: [this.plane.address], dataDir: this.dataDir, slots: 4, drainGraceMs: 5_000, ...fields };
    const stop = new AbortController();
    const log = pino({ level: process.env["TEST_LOG"] ?? "silent" }, pino.destination({ fd: 2, sync: true }));
    const agent = createAgent(config, { log, openExecutor: () => Promise.resolve(this.executor), ...(clock === undefined ? {} : { clock }) });
    const started = { agent, stop, done: agent.run(stop.signal) };
    started.done.catch(() => undefined);
    this.#agents.push(started);
    return started;
  }

  /** Lets every agent end quickly, and removes what it left. Rejects when some frame contradicted its own keepalive. */
  async close(): Promise<void> {
    this.plane.habits.ackFinished = true;
    this.plane.habits.ackLogs = true;
    for (const { stop, done } of this.#agents) {
      stop.abort();
      this.executor.endsAtOnce = true;
      for (const attempt of this.executor.attempts) attempt.end();
      for (const session of this.plane.sessions) {
        acknowledgeAll(session);
        session.send({ logAcks: session.chunks.map(({ jobId, token }) => ({ jobId, token, nextSeq: 0, drop: true })) });
      }
      await done.catch(() => undefined);
    }
    this.plane.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
    const unheld = this.plane.sessions.flatMap((session) => session.unheld);
    if (unheld.length > 0) throw new Error(`frames spoke of attempts that their keepalive did not name: ${unheld.slice(0, 20).join(", ")}`);
  }
}

/** Acknowledges every result that came in on the session. */
export function acknowledgeAll(session: PlaneSession): void {
  session.send({ finishedAcks: session.finished.map(({ jobId, token }) => ({ jobId, token, verdict: Verdict.VERDICT_RECORDED })) });
}

export const refOf = ({ jobId, token }: { jobId: string; token: string }): { jobId: string; token: string } => ({ jobId, token });
export const tokensOf = (list: readonly { token: string }[]): string[] => list.map((one) => one.token);
