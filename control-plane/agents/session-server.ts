import { randomUUID } from "node:crypto";
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import { GRPC_STATUS } from "../../kernel/error-maps.ts";
import { type AgentKey, asSessionId, isUuid, type SessionId } from "../../kernel/ids.ts";
import { MAX_MESSAGE_BYTES, OLDEST_PROTOCOL_VERSION, PROTOCOL_VERSION } from "../../kernel/protocol.ts";
import type { Service } from "../../kernel/service.ts";
import { storable } from "../../kernel/storable-text.ts";
import { type AgentFrame, AgentSessionService, type Hello, type Policy } from "../../proto/gen/millrace/agent/v1/session.ts";
import type { Pool } from "../db/pools.ts";
import type { Authenticator } from "../identity/authenticate.ts";
import type { LogIngest } from "../logs/ingest.ts";
import type { AgentPort } from "../scheduler/agent-port.ts";
import type { Log } from "../telemetry/log.ts";
import type { AgentHome } from "./agent-home.ts";
import { type HelloOrder, registerSession } from "./agent-store.ts";
import type { AgentStream } from "./outbox.ts";
import { AgentSession, type JobDoors, toRef } from "./session.ts";

export interface SessionServerOptions {
  readonly address: string;
  readonly pool: Pool;
  readonly authenticator: Authenticator;
  readonly ingest: LogIngest;
  readonly clock: Clock;
  readonly log: Log;
  readonly policy: Policy;
  readonly doors: JobDoors;
  /** Silence after which a stream is given up. */
  readonly suspectMs: number;
  readonly home: () => AgentHome;
  /** False when this replica is no home at the moment: it is cut off from Postgres, and others may give its agents' attempts away. */
  readonly holdsAgents: () => boolean;
}

/** For the frame to leave before the streams are ended. */
const DRAIN_MS = 100;
const HELLO_WITHIN_MS = 10_000;
const MAX_EARLY_FRAMES = 8;
const LANGUAGE = /^[a-z0-9_]{1,32}$/;
const MAX_RUNTIMES = 32;
const TAG = /^[a-z0-9][a-z0-9._:-]{0,62}$/;

/**
 * The door for agents: one bidirectional stream each. It checks who they are and what they speak, keeps the live sessions,
 * and is the owner's way to them.
 */
export class SessionServer implements Service, AgentPort {
  readonly #options: SessionServerOptions;
  readonly #server: Server;
  readonly #sessions = new Map<SessionId, AgentSession>();
  readonly #byAgent = new Map<AgentKey, AgentSession>();
  #port = 0;
  #draining = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: SessionServerOptions) {
    this.#options = options;
    this.#server = new Server({
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      "grpc.keepalive_time_ms": 20_000,
      "grpc.keepalive_timeout_ms": 10_000,
      "grpc.max_concurrent_streams": 16,
    });
    this.#server.addService(AgentSessionService, { session: (stream: AgentStream) => void this.#accept(stream) });
  }

  /** Port that the server listens on. */
  get port(): number {
    return this.#port;
  }

  get sessions(): readonly AgentSession[] {
    return [...this.#sessions.values()];
  }

  /** More services behind the same port. Before `start`. */
  addService(service: ServiceDefinition, handlers: UntypedServiceImplementation): void {
    this.#server.addService(service, handlers);
  }

  async start(): Promise<void> {
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(this.#options.address, ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(port);
        else
          reject(
            new AppError("failed_precondition", `the agents' address ${this.#options.address} cannot be opened: ${messageOf(error)}`, {
              hint: "is another Millrace running? set MILLRACE_GRPC_PORT to a free port",
            }),
          );
      });
    });
    this.#watch = setInterval(() => this.#endSilent(), 1000);
  }

  /** First step of a shutdown: agents are told to move, and no new ones are taken. Resolves when the word is out. */
  async drain(): Promise<void> {
    this.#draining = true;
    for (const session of this.#sessions.values()) session.drain("the control plane is shutting down", DRAIN_MS);
    if (this.#sessions.size > 0) await new Promise((resolve) => setTimeout(resolve, DRAIN_MS));
  }

  async stop(): Promise<void> {
    clearInterval(this.#watch);
    for (const session of this.#sessions.values()) session.end(new AppError("unavailable", "the control plane is shutting down"));
    await new Promise<void>((resolve) => {
      const force = setTimeout(() => {
        this.#server.forceShutdown();
        resolve();
      }, 2000);
      this.#server.tryShutdown(() => {
        clearTimeout(force);
        resolve();
      });
    });
  }

  assign(session: SessionId, bundle: Parameters<AgentPort["assign"]>[1]): boolean {
    const live = this.#sessions.get(session);
    live?.outbox.add("assign", bundle);
    return live !== undefined;
  }

  isBehind(session: SessionId): boolean {
    return this.#sessions.get(session)?.outbox.isBehind === true;
  }

  cancel(session: SessionId, attempt: Parameters<AgentPort["cancel"]>[1]): void {
    this.#sessions.get(session)?.outbox.add("cancel", { ...toRef(attempt), reason: attempt.reason, fenced: attempt.fenced });
  }

  /** One stream: its first frame must be Hello. */
  async #accept(stream: AgentStream): Promise<void> {
    const early: AgentFrame[] = [];
    let session: AgentSession | undefined;
    const first = new Promise<Hello | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), HELLO_WITHIN_MS);
      stream.on("data", (frame: AgentFrame) => {
        if (session !== undefined) session.receive(frame);
        else if (early.length < MAX_EARLY_FRAMES) {
          // Nothing more is read of a stream until it is known whose it is; what the transport had already read is kept.
          stream.pause();
          early.push(frame);
          clearTimeout(timer);
          resolve(frame.hello);
        }
      });
      for (const event of ["end", "error", "cancelled"]) {
        stream.on(event, () => {
          clearTimeout(timer);
          resolve(undefined);
          if (session !== undefined) this.#gone(session);
          if (event === "end") stream.end();
        });
      }
    });
    try {
      const hello = await this.#authenticated(stream, first);
      if (stream.cancelled) return;
      this.#adopt(hello);
      session = hello;
      for (const frame of early.slice(1)) session.receive(frame);
      stream.resume();
    } catch (error) {
      const refusal = AppError.from(error);
      this.#options.log.warn(
        { event: "agent.refused", code: refusal.code, peer: stream.getPeer(), error: messageOf(refusal.cause ?? refusal) },
        `agent refused: ${refusal.message}`,
      );
      stream.emit("error", { code: GRPC_STATUS[refusal.code], details: refusal.message });
    }
  }

  async #authenticated(stream: AgentStream, first: Promise<Hello | undefined>): Promise<AgentSession> {
    const header = stream.metadata.get("authorization")[0];
    const principal = await this.#options.authenticator.authenticate(typeof header === "string" ? header : undefined);
    if (principal.kind !== "agent") throw new AppError("permission_denied", "this token does not belong to an agent");
    const hello = await first;
    if (hello === undefined) throw new AppError("invalid_argument", "the first frame of a stream must be Hello");
    checkHello(hello);
    if (this.#draining) throw new AppError("unavailable", "the control plane is shutting down");
    const { ingest, log, policy, doors, clock, holdsAgents } = this.#options;
    const home = this.#options.home();
    if (!home.isOpen || !holdsAgents()) throw new AppError("unavailable", "this replica cannot serve agents at the moment");
    const { workspace, workspaceName, tokenId } = principal;
    const { agentId, agentName } = hello;
    const registration = await registerSession(this.#options.pool, { agentId, name: storable(agentName), workspace, tokenId, order: orderOf(hello) });
    if (registration.kind === "foreign") {
      throw new AppError("permission_denied", "this agent id is registered in another workspace: give the agent an empty data folder");
    }
    if (registration.kind === "overtaken") throw new AppError("unavailable", "a newer connection of this agent came first");
    const { key, serial } = registration;
    const agent = { key, session: asSessionId(randomUUID()), serial, workspace, workspaceName, hello };
    return new AgentSession(stream, agent, { home, ingest, log, policy, doors, holdsAgents, now: () => clock.wallMs(), monotonic: () => clock.monotonicMs() });
  }

  #adopt(session: AgentSession): void {
    const { hello, key, session: id } = session.agentInfo;
    const before = this.#byAgent.get(key);
    // Answers of the database may come in another order than it gave them.
    if ((before?.agentInfo.serial ?? 0) > (session.agentInfo.serial ?? 0)) throw new AppError("unavailable", "a newer connection of this agent came first");
    if (before !== undefined) {
      before.end(new AppError("unavailable", "the agent has connected again"));
      this.#gone(before);
    }
    this.#sessions.set(id, session);
    this.#byAgent.set(key, session);
    session.begin();
    this.#options.log.info(
      {
        event: "agent.connected",
        agentKey: key,
        agent: hello.agentName,
        host: hello.host,
        version: hello.agentVersion,
        slots: hello.slots,
        tags: hello.tags,
        held: hello.held.length,
        sandbox: hello.sandbox?.level,
      },
      "agent connected",
    );
  }

  #gone(session: AgentSession): void {
    const { key, session: id, hello } = session.agentInfo;
    if (!this.#sessions.delete(id)) return;
    if (this.#byAgent.get(key) === session) this.#byAgent.delete(key);
    session.close();
    this.#options.log.info({ event: "agent.disconnected", agentKey: key, agent: hello.agentName }, "agent disconnected");
  }

  /** Agents look for another home, and kill what they run if they find none in time. */
  #sendAway(): void {
    if (this.#sessions.size > 0) this.#options.log.warn({ event: "home.closed" }, "this replica was cut off for too long: its agents are sent away");
    for (const session of [...this.#sessions.values()]) {
      session.end(new AppError("unavailable", "this replica cannot renew its lease: connect to another one"));
      this.#gone(session);
    }
  }

  #endSilent(): void {
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.#options.holdsAgents()) this.#sendAway();
    for (const session of this.#sessions.values()) {
      if (nowMs - session.heardAtMs < this.#options.suspectMs) continue;
      this.#options.log.warn({ event: "agent.silent", agentKey: session.agent }, "agent silent: its stream is given up, its attempts are kept for now");
      session.end(new AppError("unavailable", "nothing was heard of the agent for too long"));
      this.#gone(session);
    }
  }
}

/** Undefined for an agent of the version before, which does not count. */
function orderOf({ start = 0, dial = 0 }: Hello): HelloOrder | undefined {
  return start === 0 ? undefined : { start, dial };
}

/** Errors: failed_precondition for an unknown protocol, invalid_argument for a Hello that makes no sense. */
function checkHello(hello: Hello): void {
  const { protocolVersion: version } = hello;
  if (version < OLDEST_PROTOCOL_VERSION || version > PROTOCOL_VERSION) {
    throw new AppError(
      "failed_precondition",
      `the agent speaks protocol ${version}, this control plane speaks ${OLDEST_PROTOCOL_VERSION} to ${PROTOCOL_VERSION}: ${version > PROTOCOL_VERSION ? "upgrade the control plane first" : "upgrade the agent"}`,
    );
  }
  if (!isUuid(hello.agentId)) throw new AppError("invalid_argument", "agent_id must be a UUID");
  if (hello.agentName.length === 0 || hello.agentName.length > 128) throw new AppError("invalid_argument", "agent_name must have 1 to 128 characters");
  if (hello.tags.length === 0 || hello.tags.length > 100 || !hello.tags.every((tag) => TAG.test(tag))) {
    throw new AppError("invalid_argument", "tags must be 1 to 100 names of the form a-z, 0-9, dot, underscore, colon, hyphen");
  }
  if (hello.runtimes.length > MAX_RUNTIMES || !hello.runtimes.every((runtime) => LANGUAGE.test(runtime.language))) {
    throw new AppError("invalid_argument", `an agent may have ${MAX_RUNTIMES} runtimes, named by a-z, 0-9 and underscore`);
  }
}
