import type { Logger } from "pino";
import { type AttemptKey, keyOf, refOf } from "../agent/journal/attempt-key.ts";
import type { Journal } from "../agent/journal/journal.ts";
import type { AttemptLog } from "../agent/logs/attempt-log.ts";
import type { LogShipper } from "../agent/logs/log-shipper.ts";
import { Attempts } from "../agent/session/attempts.ts";
import { ConnectLoop } from "../agent/session/connect-loop.ts";
import { receive } from "../agent/session/inbox.ts";
import { Outbox } from "../agent/session/outbox.ts";
import { Results } from "../agent/session/results.ts";
import type { SessionStream, StreamHandlers } from "../agent/session/stream.ts";
import { PROTOCOL_VERSION, VERSION } from "../kernel/protocol.ts";
import { type AttemptRef, ExitReason, type Finished } from "../proto/gen/millrace/agent/v1/job.ts";
import type { Hello, ServerFrame } from "../proto/gen/millrace/agent/v1/session.ts";
import { Executor, type ExecutorWatch } from "./executor.ts";
import { Process, type VirtualTime } from "./virtual-time.ts";

export interface AgentSettings {
  readonly name: string;
  readonly agentId: string;
  readonly slots: number;
  readonly tags: readonly string[];
  readonly languages: readonly string[];
}

export interface AgentWorld {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly log: Logger;
  readonly watch: ExecutorWatch;
  /** Opens a stream to some replica. */
  dial(agent: SimulatedAgent, handlers: StreamHandlers): SessionStream;
}

interface Parts {
  readonly attempts: Attempts;
  readonly results: Results;
  readonly outbox: Outbox;
  readonly loop: ConnectLoop;
}

/**
 * An agent: the real session code (`agent/session/`) with a disk, a network and scripts that are simulated. It can crash, which takes its
 * scripts with it, and start again with what was on its disk.
 */
export class SimulatedAgent {
  readonly settings: AgentSettings;
  readonly #world: AgentWorld;
  /** Results on disk: they outlive the process. */
  readonly #disk = new Map<AttemptKey, Finished>();
  #parts: Parts | undefined;
  #executor: Executor | undefined;
  #boots = 0;
  process: Process;

  constructor(world: AgentWorld, settings: AgentSettings) {
    this.#world = world;
    this.settings = settings;
    this.process = new Process(world.time, settings.name);
    this.process.alive = false;
  }

  get name(): string {
    return this.settings.name;
  }

  /** Attempts that run or wait, and results without a verdict. */
  get open(): number {
    return (this.#parts?.attempts.size ?? 0) + this.#disk.size;
  }

  /** True when it holds the end of this attempt and that end says "handed back". */
  handsBack(ref: AttemptRef): boolean {
    return this.#disk.get(keyOf(ref))?.exit?.reason === ExitReason.EXIT_REASON_FENCED;
  }

  start(): void {
    if (this.process.alive) return;
    this.#boots += 1;
    this.process = new Process(this.#world.time, this.name);
    this.process.after(0, () => {
      this.#parts = this.#build();
      this.#parts.loop.start();
    });
  }

  /** kill -9: the scripts die with it, since their sandboxes do. */
  crash(): void {
    this.process.alive = false;
    this.#executor?.killAll();
    this.#parts = undefined;
  }

  /** SIGTERM as far as the session is concerned: takes nothing more, hands back what runs. */
  handBack(): void {
    const process = this.process;
    process.after(0, () => {
      this.#parts?.outbox.capacity({ slots: 0, draining: true });
      this.#parts?.attempts.handBack("the agent is shutting down");
    });
  }

  #build(): Parts {
    const { log, watch, random, time } = this.#world;
    const { clock } = this.process;
    const executor = new Executor({ time, random, watch, agent: this.name, agentProcess: this.process });
    this.#executor = executor;
    const shipper = silentShipper();
    const results = new Results({ journal: memoryJournal(this.#disk), shipper, log, onReady: () => outbox.poke() });
    const outbox: Outbox = new Outbox({
      results,
      shipper,
      beforeSend: () => loop.look(),
      keepaliveNow: () => loop.keepaliveNow(),
      isHeld: (ref) => attempts.has(keyOf(ref)) || results.has(keyOf(ref)),
    });
    const attempts = new Attempts({
      slots: this.settings.slots,
      startAttempt: (bundle, io) => executor.start(bundle, io),
      shipper,
      results,
      clock,
      log,
      onReceived: (ref) => outbox.received(ref),
      onStarted: (started) => outbox.started(started),
    });
    let dials = 0;
    const heldNow = (): AttemptRef[] => [...attempts.refs(), ...[...results.keys()].map(refOf)];
    const loop: ConnectLoop = new ConnectLoop({
      endpoint: { address: "", token: "", tls: false, caFile: "" },
      open: (_endpoint, handlers) => this.#world.dial(this, handlers),
      clock,
      log,
      outbox,
      hello: () => {
        dials += 1;
        return this.#hello(heldNow(), dials);
      },
      heldNow,
      runningCount: () => attempts.size,
      fenceAttempts: () => attempts.dropAll("no contact with the control plane for too long"),
      hold: () => attempts.hold(),
      release: () => attempts.release(),
      onPolicy: () => undefined,
      onFrame: (frame: ServerFrame) => receive({ attempts, results, shipper }, frame),
      onSession: () => {
        for (const started of attempts.started()) outbox.started(started);
        results.resend();
      },
      onStreamLost: () => undefined,
      onTick: () => undefined,
      onRefused: (error) => watch.broken("refused", `agent ${this.name} was refused: ${error.message}`),
    });
    return { attempts, results, outbox, loop };
  }

  #hello(held: AttemptRef[], dial: number): Hello {
    return {
      protocolVersion: PROTOCOL_VERSION,
      agentId: this.settings.agentId,
      agentName: this.name,
      bootId: `${this.name}/${this.#boots}`,
      start: this.#boots,
      dial,
      agentVersion: VERSION,
      tags: [...this.settings.tags],
      slots: this.settings.slots,
      runtimes: this.settings.languages.map((language) => ({ language, version: "1" })),
      sandbox: { level: 3, reasons: [] },
      cpus: 1,
      memoryBytes: 1,
      held,
      host: this.name,
    };
  }
}

/** A journal on a simulated disk: what was not committed when the process died is gone. */
function memoryJournal(disk: Map<AttemptKey, Finished>): Journal {
  const live = new Map(disk);
  const uncommitted = new Set<AttemptKey>();
  const journal = {
    get size() {
      return live.size;
    },
    has: (key: AttemptKey) => live.has(key),
    keys: () => live.keys(),
    add: (finished: Finished) => {
      live.set(keyOf(finished), finished);
      uncommitted.add(keyOf(finished));
    },
    acknowledge: (key: AttemptKey) => {
      live.delete(key);
      uncommitted.delete(key);
      disk.delete(key);
    },
    read: (key: AttemptKey) => live.get(key),
    sizeOf: () => 100,
    commit: () => {
      for (const key of uncommitted) {
        const finished = live.get(key);
        if (finished !== undefined) disk.set(key, finished);
      }
      uncommitted.clear();
    },
    close: () => undefined,
  };
  return journal as unknown as Journal;
}

/** Scripts of the simulation print nothing. */
function silentShipper(): LogShipper {
  const log = { write: () => undefined, end: () => ({ chunks: 0, bytes: 0, droppedBytes: 0 }), discard: () => undefined } as unknown as AttemptLog;
  const shipper = { hasWork: false, open: () => log, find: () => undefined, take: () => [], acknowledge: () => undefined, resultAcknowledged: () => undefined };
  return shipper as unknown as LogShipper;
}
