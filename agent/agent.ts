import { randomUUID } from "node:crypto";
import { availableParallelism, hostname, totalmem } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import type { AppError } from "../kernel/app-error.ts";
import { type Clock, realClock } from "../kernel/clock.ts";
import { NOOP_LANGUAGE } from "../kernel/languages.ts";
import { PROTOCOL_VERSION, VERSION } from "../kernel/protocol.ts";
import type { AttemptRef } from "../proto/gen/millrace/agent/v1/job.ts";
import type { Hello, RuntimeInfo, SandboxInfo } from "../proto/gen/millrace/agent/v1/session.ts";
import type { AgentConfig } from "./config.ts";
import { keyOf, refOf } from "./journal/attempt-key.ts";
import { type DataFolder, openDataFolder } from "./journal/data-folder.ts";
import { Journal } from "./journal/journal.ts";
import { LogShipper } from "./logs/log-shipper.ts";
import { startAttempt } from "./runner/attempt.ts";
import { openExecution } from "./runner/execution.ts";
import { Attempts, type StartAttempt } from "./session/attempts.ts";
import { ConnectLoop } from "./session/connect-loop.ts";
import { openInTurn } from "./session/in-turn.ts";
import { receive } from "./session/inbox.ts";
import { Outbox } from "./session/outbox.ts";
import { Results } from "./session/results.ts";
import { checkRuntimes } from "./session/runtime-check.ts";
import { openStream } from "./session/stream.ts";

/** What runs attempts on this host, and what it can do. */
export interface Executor {
  readonly startAttempt: StartAttempt;
  readonly runtimes: readonly RuntimeInfo[];
  readonly sandbox: SandboxInfo;
  /** Called after the last attempt has ended. */
  close?(): void;
}

export interface AgentDeps {
  readonly log: Logger;
  /** The real one by default. Looks at the host and makes it ready; called once per run, when the data folder is ours. */
  readonly openExecutor?: (config: AgentConfig, folder: DataFolder) => Promise<Executor>;
  readonly clock?: Clock;
}

export interface AgentStatus {
  readonly connected: boolean;
  readonly running: number;
  /** Results without a verdict. */
  readonly unacknowledged: number;
  /** Attempts with output that is not acknowledged. */
  readonly unacknowledgedLogs: number;
}

export interface Agent {
  /**
   * Serves until the signal, then drains: takes nothing more, lets attempts end within the grace, hands the rest back, hands in results.
   * Rejects with the server's reason when the control plane refuses an agent that it never accepted, and with
   * `failed_precondition` when another process uses the data folder. May be called once.
   */
  run(signal: AbortSignal): Promise<void>;
  status(): AgentStatus;
}

/** After the drain grace: for killed attempts to die, and for cancelled ones to use their own grace. */
const HAND_BACK_WITHIN_MS = 15_000;
/** For what is killed after that. */
const DIE_WITHIN_MS = 15_000;
/** For the last results to be acknowledged. */
const HAND_IN_WITHIN_MS = 5_000;
/** A Hello or keepalive names this many attempts at most: about 4 MB. */
const MAX_HELD = 60_000;

/** An agent in this process; see `main.ts` for the command. */
export function createAgent(config: AgentConfig, deps: AgentDeps): Agent {
  let parts: Parts | undefined;
  return {
    status: () => ({
      connected: parts?.loop.kind === "online",
      running: parts?.attempts.size ?? 0,
      unacknowledged: parts?.results.size ?? 0,
      unacknowledgedLogs: parts?.shipper.size ?? 0,
    }),
    run: async (signal) => {
      const folder = openDataFolder(config.dataDir);
      try {
        const executor = await (deps.openExecutor ?? openRealExecutor)(config, folder);
        try {
          checkRuntimes(executor.runtimes);
          parts = build(config, deps, folder, executor);
          await serve(parts, config, signal);
        } finally {
          if (parts !== undefined) await close(parts);
          executor.close?.();
        }
      } finally {
        folder.release();
      }
    },
  };
}

/** Runtimes of this host, in its sandbox. Rejects with `failed_precondition` when no sandbox can be made and none was asked for. */
async function openRealExecutor(config: AgentConfig, folder: DataFolder): Promise<Executor> {
  const opened = await openExecution({
    dir: folder.execDir,
    sandbox: config.sandbox ? "required" : "off",
    network: config.network,
    prepared: config.prepared,
    warmMb: config.warmMb,
    dedicated: config.dedicated,
    noop: config.extraRuntimes.includes(NOOP_LANGUAGE),
  });
  return {
    startAttempt: (bundle, io) => startAttempt(opened.execution, bundle, io),
    runtimes: opened.execution.runtimes.list(),
    sandbox: { level: opened.sandboxLevel, reasons: [...opened.sandboxReasons] },
    close: () => opened.close(),
  };
}

interface Parts {
  readonly log: Logger;
  readonly journal: Journal;
  readonly shipper: LogShipper;
  readonly results: Results;
  readonly attempts: Attempts;
  readonly loop: ConnectLoop;
  /** Resolves when the control plane has refused this agent for good. */
  readonly refused: Promise<AppError>;
  /** From now on the server is told that there are no slots, on this stream and on every later one. */
  readonly stopTaking: () => void;
}

function build(config: AgentConfig, deps: AgentDeps, folder: DataFolder, executor: Executor): Parts {
  const { log, clock = realClock } = deps;
  const journal = Journal.open(join(folder.spoolDir, "results"), log);
  const shipper = new LogShipper({ folder: join(folder.spoolDir, "logs"), clock, log, onReady: () => outbox.poke() });
  shipper.recover((key) => journal.has(key));
  if (journal.size > 0) log.info({ event: "agent.recovered", results: journal.size, logs: shipper.size }, "results of an earlier process will be sent");
  const results = new Results({ journal, shipper, log, onReady: () => outbox.poke() });
  const outbox: Outbox = new Outbox({
    results,
    shipper,
    beforeSend: () => loop.look(),
    keepaliveNow: () => loop.keepaliveNow(),
    isHeld: (ref) => attempts.has(keyOf(ref)) || results.has(keyOf(ref)),
  });
  const attempts = new Attempts({
    slots: config.slots,
    startAttempt: executor.startAttempt,
    shipper,
    results,
    clock,
    log,
    onReceived: (ref) => outbox.received(ref),
    onStarted: (started) => outbox.started(started),
  });
  const refused = Promise.withResolvers<AppError>();
  const heldNow = (): AttemptRef[] => [...attempts.refs(), ...[...results.keys()].map(refOf)].slice(0, MAX_HELD);
  const boot = randomUUID();
  let dials = 0;
  let draining = false;
  const sayCapacity = (): void => {
    if (draining) outbox.capacity({ slots: 0, draining });
  };
  const hello = (): Hello => {
    dials += 1;
    const order = { start: folder.starts, dial: dials };
    return { ...introduce(config, executor), ...order, slots: draining ? 0 : config.slots, agentId: folder.agentId, bootId: boot, held: heldNow() };
  };
  log.info(
    { event: "agent.ready", agentId: folder.agentId, runtimes: executor.runtimes, sandbox: executor.sandbox, tags: config.tags, slots: config.slots },
    "ready",
  );
  const loop: ConnectLoop = new ConnectLoop({
    endpoint: { address: config.addresses[0] ?? "", token: config.token, tls: config.tls, caFile: config.caFile },
    open: openInTurn(config.addresses, openStream, log, Math.random),
    clock,
    log,
    outbox,
    hello,
    heldNow,
    runningCount: () => attempts.size,
    fenceAttempts: () => attempts.dropAll("no contact with the control plane for too long"),
    hold: () => attempts.hold(),
    release: () => attempts.release(),
    onPolicy: (policy) => shipper.setPolicy({ flushMs: policy.logFlushMs, windowBytes: policy.logWindowBytes }),
    onFrame: (frame) => receive({ attempts, results, shipper }, frame),
    onSession: () => {
      for (const started of attempts.started()) outbox.started(started);
      results.resend();
      sayCapacity();
    },
    onStreamLost: () => shipper.rewind(),
    onTick: () => shipper.dropStalled(),
    onRefused: (error) => refused.resolve(error),
  });
  const stopTaking = (): void => {
    draining = true;
    sayCapacity();
  };
  return { log, journal, shipper, results, attempts, loop, refused: refused.promise, stopTaking };
}

function introduce(config: AgentConfig, executor: Executor): Omit<Hello, "agentId" | "bootId" | "held" | "slots"> {
  return {
    protocolVersion: PROTOCOL_VERSION,
    agentName: config.name,
    agentVersion: VERSION,
    tags: [...config.tags],
    runtimes: [...executor.runtimes],
    sandbox: executor.sandbox,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    host: hostname(),
  };
}

async function serve(parts: Parts, config: AgentConfig, signal: AbortSignal): Promise<void> {
  parts.loop.start();
  const refusal = await Promise.race([parts.refused, aborted(signal)]);
  if (refusal !== undefined) {
    parts.attempts.dropAll("refused");
    throw refusal;
  }
  await drain(parts, config.drainGraceMs);
}

async function drain(parts: Parts, graceMs: number): Promise<void> {
  const { log, attempts, results, shipper } = parts;
  log.info({ event: "agent.draining", running: attempts.size, graceMs }, "no new work; waiting for what runs");
  parts.stopTaking();
  if (!(await within(graceMs, attempts.whenEmpty()))) {
    log.warn({ event: "agent.drain_timeout", running: attempts.size }, "grace is over: handing back what still runs");
  }
  // Also when all have ended: what the server sent before it knew may still come.
  attempts.handBack("the agent is shutting down");
  if (!(await within(HAND_BACK_WITHIN_MS, attempts.whenEmpty()))) {
    attempts.killCancelled();
    // A process that cannot be killed may still run: handing its attempt back could run the job twice. The server finds it lost.
    if (!(await within(DIE_WITHIN_MS, attempts.whenEmpty()))) attempts.dropAll("did not end in time");
  }
  const handedIn = await within(HAND_IN_WITHIN_MS, Promise.all([results.whenSettled(), shipper.whenSettled()]));
  log.info({ event: "agent.stopped", unacknowledged: results.size }, handedIn ? "drained" : "stopped; what is not acknowledged stays in the spool");
}

async function close(parts: Parts): Promise<void> {
  await parts.loop.stop();
  parts.results.close();
  parts.shipper.close();
  parts.journal.close();
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}

/** True when the promise resolved in time. */
async function within(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
