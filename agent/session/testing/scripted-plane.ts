import { Server, ServerCredentials, type ServerDuplexStream, type ServiceError, status } from "@grpc/grpc-js";
import { MAX_MESSAGE_BYTES } from "../../../kernel/protocol.ts";
import { type AttemptRef, type Bundle, type Finished, type LogChunk, Purpose } from "../../../proto/gen/millrace/agent/v1/job.ts";
import {
  type AgentFrame,
  AgentSessionService,
  type Capacity,
  type Hello,
  type Policy,
  ServerFrame,
  type Started,
  Verdict,
} from "../../../proto/gen/millrace/agent/v1/session.ts";

/** What the scripted control plane does by itself. A test changes the fields at any time. */
export interface PlaneHabits {
  welcome: boolean;
  echo: boolean;
  ackFinished: boolean;
  ackLogs: boolean;
  policy: Partial<Policy>;
  drop: AttemptRef[];
  refuse: { code: status; message: string } | undefined;
  /** Keep frames and what they held; off for load. */
  record: boolean;
}

type Call = ServerDuplexStream<AgentFrame, ServerFrame>;

/** One stream as the control plane sees it, with all that came in on it. */
export class PlaneSession {
  readonly call: Call;
  readonly authorization: string;
  hello: Hello | undefined;
  readonly frames: AgentFrame[] = [];
  readonly received: AttemptRef[] = [];
  readonly started: Started[] = [];
  readonly finished: Finished[] = [];
  readonly chunks: LogChunk[] = [];
  readonly capacity: Capacity[] = [];
  keepalives = 0;
  /** Attempts that a frame spoke of while its own keepalive did not name them: the server takes such an attempt for lost. */
  readonly unheld: string[] = [];
  finishedCount = 0;
  ended = false;
  #watchers: { done: () => boolean; resolve: () => void }[] = [];

  constructor(call: Call, authorization: string) {
    this.call = call;
    this.authorization = authorization;
  }

  send(frame: Partial<ServerFrame>): void {
    if (!this.ended) this.call.write(ServerFrame.fromPartial(frame));
  }

  /** Resolves as soon as the condition holds; looked at after every frame. */
  until(done: () => boolean): Promise<void> {
    if (done()) return Promise.resolve();
    return new Promise((resolve) => {
      this.#watchers.push({ done, resolve });
    });
  }

  notify(): void {
    const ready = this.#watchers.filter((watcher) => watcher.done());
    this.#watchers = this.#watchers.filter((watcher) => !ready.includes(watcher));
    for (const watcher of ready) watcher.resolve();
  }

  /** Breaks the stream as a crash of the replica would. */
  break(): void {
    this.ended = true;
    const error: Partial<ServiceError> = { code: status.UNAVAILABLE, details: "broken by the test" };
    this.call.emit("error", error);
  }
}

/** A real grpc-js server that plays the control plane from a script. For tests. */
export class ScriptedPlane {
  readonly habits: PlaneHabits = {
    welcome: true,
    echo: true,
    ackFinished: true,
    ackLogs: true,
    policy: {},
    drop: [],
    refuse: undefined,
    record: true,
  };
  readonly sessions: PlaneSession[] = [];
  #server = new Server();
  #port = 0;
  #waiters: (() => void)[] = [];

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    this.#server = new Server({ "grpc.max_receive_message_length": MAX_MESSAGE_BYTES, "grpc.max_send_message_length": MAX_MESSAGE_BYTES });
    this.#server.addService(AgentSessionService, { session: (call: Call) => this.#serve(call) });
    this.#port = await new Promise<number>((resolve, reject) => {
      this.#server.bindAsync(`127.0.0.1:${this.#port}`, ServerCredentials.createInsecure(), (error, port) => (error === null ? resolve(port) : reject(error)));
    });
  }

  /** Cuts every connection; `start` comes back on the same port. */
  stop(): void {
    for (const session of this.sessions) session.ended = true;
    this.#server.forceShutdown();
  }

  /** The n-th session (from 0), once its Hello is there. */
  async session(index: number): Promise<PlaneSession> {
    for (;;) {
      const session = this.sessions[index];
      if (session?.hello !== undefined) return session;
      await new Promise<void>((resolve) => {
        this.#waiters.push(resolve);
      });
    }
  }

  #serve(call: Call): void {
    const refuse = this.habits.refuse;
    if (refuse !== undefined) {
      const error: Partial<ServiceError> = { code: refuse.code, details: refuse.message };
      call.emit("error", error);
      return;
    }
    const session = new PlaneSession(call, String(call.metadata.get("authorization")[0]));
    this.sessions.push(session);
    call.on("data", (frame: AgentFrame) => this.#onFrame(session, frame));
    call.on("end", () => {
      session.ended = true;
      call.end();
    });
    call.on("cancelled", () => {
      session.ended = true;
      session.notify();
    });
    call.on("error", () => undefined);
  }

  #onFrame(session: PlaneSession, frame: AgentFrame): void {
    if (frame.hello !== undefined) this.#greet(session, frame.hello);
    if (this.habits.record) {
      session.frames.push(frame);
      session.received.push(...frame.received);
      session.started.push(...frame.started);
      session.finished.push(...frame.finished);
      session.chunks.push(...frame.logChunks);
      session.unheld.push(...unheldIn(frame));
    }
    session.finishedCount += frame.finished.length;
    if (frame.capacity !== undefined) session.capacity.push(frame.capacity);
    if (frame.keepalive !== undefined) {
      session.keepalives += 1;
      if (this.habits.echo) session.send({ keepalive: { echoSentAtMs: frame.keepalive.sentAtMs } });
    }
    if (this.habits.ackFinished && frame.finished.length > 0) {
      session.send({ finishedAcks: frame.finished.map(({ jobId, token }) => ({ jobId, token, verdict: Verdict.VERDICT_RECORDED })) });
    }
    if (this.habits.ackLogs && frame.logChunks.length > 0) {
      session.send({ logAcks: frame.logChunks.map(({ jobId, token, seq }) => ({ jobId, token, nextSeq: seq + 1, drop: false })) });
    }
    session.notify();
    for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #greet(session: PlaneSession, hello: Hello): void {
    session.hello = hello;
    if (!this.habits.welcome) return;
    const policy = { keepaliveMs: 0, selfFenceMs: 0, logFlushMs: 0, logWindowBytes: 0, ...this.habits.policy };
    session.send({
      welcome: {
        protocolVersion: 1,
        sessionId: `s${this.sessions.length}`,
        policy,
        drop: this.habits.drop,
        serverVersion: "test",
        jobTokenIssuer: "",
        jobTokenKey: Buffer.alloc(0),
        apiUrl: "",
      },
    });
  }
}

/** Tokens of attempts that the frame confirms, starts or ends, and that its keepalive (if it has one) does not name. */
function unheldIn(frame: AgentFrame): string[] {
  if (frame.keepalive === undefined) return [];
  const held = new Set(frame.keepalive.held.map((ref) => ref.token));
  return [...frame.received, ...frame.started, ...frame.finished].flatMap(({ token }) => (held.has(token) ? [] : [token]));
}

let nextToken = 1;

/** A bundle with fresh ids. */
export function bundleOf(fields: Partial<Bundle> = {}): Bundle {
  const token = String(nextToken++);
  return {
    jobId: `01900000-0000-7000-8000-${token.padStart(12, "0")}`,
    token,
    attempt: 1,
    workspace: "w",
    scriptPath: "",
    language: "bash",
    codeHash: "",
    secrets: [],
    createdBy: "",
    code: "",
    argsJson: "{}",
    env: [],
    limits: undefined,
    tag: "default",
    purpose: Purpose.PURPOSE_UNSPECIFIED,
    lock: "",
    requirements: undefined,
    ...fields,
  };
}
