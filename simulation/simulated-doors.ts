import type { AgentHome } from "../control-plane/agents/agent-home.ts";
import { AgentSession } from "../control-plane/agents/session.ts";
import type { LogIngest } from "../control-plane/logs/ingest.ts";
import type { AgentPort } from "../control-plane/scheduler/agent-port.ts";
import type { OwnerDeps } from "../control-plane/scheduler/owner-deps.ts";
import { AppError } from "../kernel/app-error.ts";
import { type AgentKey, asAgentKey, asSessionId, type SessionId } from "../kernel/ids.ts";
import type { AgentFrame, Hello } from "../proto/gen/millrace/agent/v1/session.ts";
import type { Database } from "./database.ts";
import type { Process } from "./virtual-time.ts";
import type { Incoming, Wire } from "./wire.ts";

interface DoorsOptions {
  readonly process: Process;
  readonly database: Database;
  readonly log: OwnerDeps["log"];
  readonly home: () => AgentHome;
  readonly holdsAgents: () => boolean;
  readonly times: { readonly keepaliveMs: number; readonly selfFenceMs: number; readonly suspectMs: number };
  /** First digits of the sessions' ids. */
  readonly prefix: string;
}

interface Live {
  readonly session: AgentSession;
  readonly wire: Wire;
}

/** A model of `session-server.ts`: the door for agents of one replica's life, with real sessions. */
export class SimulatedDoors implements AgentPort {
  readonly #options: DoorsOptions;
  readonly #sessions = new Map<SessionId, Live>();
  readonly #byAgent = new Map<AgentKey, Live>();
  #count = 0;
  #draining = false;

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  get sessions(): AgentSession[] {
    return [...this.#sessions.values()].map((live) => live.session);
  }

  assign(session: SessionId, bundle: Parameters<AgentPort["assign"]>[1]): boolean {
    const live = this.#sessions.get(session)?.session;
    live?.outbox.add("assign", bundle);
    return live !== undefined;
  }

  isBehind(session: SessionId): boolean {
    return this.#sessions.get(session)?.session.outbox.isBehind === true;
  }

  cancel(session: SessionId, attempt: Parameters<AgentPort["cancel"]>[1]): void {
    const { id, token, reason, fenced } = attempt;
    this.#sessions.get(session)?.session.outbox.add("cancel", { jobId: id, token, reason, fenced });
  }

  /** A stream arrives; its first frame is Hello. Nothing more is read of it until it is known whose it is. */
  accept(wire: Wire, incoming: Incoming): void {
    incoming.onFrame = ({ hello }) => {
      const refuse = (details: string): void => void incoming.stream.emit("error", { code: 14, details });
      const { database, process, home, holdsAgents } = this.#options;
      const early: AgentFrame[] = [];
      incoming.onFrame = (frame) => void early.push(frame);
      if (hello === undefined || this.#draining || !home().isOpen || !holdsAgents()) {
        refuse("this replica cannot serve agents at the moment");
        return;
      }
      database
        .query(process, "register", () => database.store.sessions.register(hello.agentId, { start: hello.start ?? 0, dial: hello.dial ?? 0 }))
        .then(
          (serial) => {
            if (incoming.stream.cancelled) return;
            const session = serial === undefined ? undefined : this.#adopt(wire, incoming, serial, hello);
            if (session === undefined) refuse("a newer connection of this agent came first");
            for (const frame of early) session?.receive(frame);
          },
          () => refuse("the database does not answer"),
        );
    };
  }

  drain(): void {
    this.#draining = true;
    for (const session of this.sessions) session.drain("the control plane is shutting down", 100);
  }

  /** Ends all sessions: the replica stops, or cannot renew its lease. */
  sendAway(why: string): void {
    for (const live of [...this.#sessions.values()]) {
      live.session.end(new AppError("unavailable", why));
      this.#gone(live);
    }
  }

  /** Once a second. */
  endSilent(): void {
    const { process, holdsAgents, times } = this.#options;
    if (!holdsAgents()) this.sendAway("this replica cannot renew its lease: connect to another one");
    for (const live of [...this.#sessions.values()]) {
      if (process.clock.monotonicMs() - live.session.heardAtMs < times.suspectMs) continue;
      live.session.end(new AppError("unavailable", "nothing was heard of the agent for too long"));
      this.#gone(live);
    }
  }

  /** @returns undefined when a newer session of the agent is here: answers of the database may come in another order than it gave them */
  #adopt(wire: Wire, incoming: Incoming, serial: number, hello: Hello): AgentSession | undefined {
    // Agents' keys are their names' numbers here.
    const key = asAgentKey(hello.agentId);
    const before = this.#byAgent.get(key);
    if ((before?.session.agentInfo.serial ?? 0) > serial) return undefined;
    this.#count += 1;
    const { process, log, home, holdsAgents, times, prefix } = this.#options;
    const id = asSessionId(`${prefix}-7000-8000-${this.#count.toString(16).padStart(12, "0")}`);
    const session = new AgentSession(
      incoming.stream,
      { key, session: id, serial, workspace: undefined, workspaceName: undefined, hello },
      {
        home: home(),
        ingest: { accept: () => Promise.resolve() } as unknown as LogIngest,
        log,
        policy: { keepaliveMs: times.keepaliveMs, selfFenceMs: times.selfFenceMs, logFlushMs: 50, logWindowBytes: 0 },
        doors: { tokenKey: () => Buffer.alloc(0), apiUrl: () => "" },
        holdsAgents,
        now: () => process.clock.wallMs(),
        monotonic: () => process.clock.monotonicMs(),
      },
    );
    const live = { session, wire };
    if (before !== undefined) {
      before.session.end(new AppError("unavailable", "the agent has connected again"));
      this.#gone(before);
    }
    this.#sessions.set(id, live);
    this.#byAgent.set(key, live);
    incoming.onFrame = (frame) => session.receive(frame);
    incoming.onGone = () => this.#gone(live);
    session.begin();
    return session;
  }

  #gone(live: Live): void {
    const { key, session: id } = live.session.agentInfo;
    if (!this.#sessions.delete(id)) return;
    if (this.#byAgent.get(key) === live) this.#byAgent.delete(key);
    live.session.close();
  }
}
