import { randomUUID } from "node:crypto";
import { availableParallelism, hostname, totalmem } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { AppError } from "../kernel/app-error.ts";
import { type Clock, realClock } from "../kernel/clock.ts";
import { PROTOCOL_VERSION, VERSION } from "../kernel/protocol.ts";
import type { AttemptRef } from "../proto/gen/millrace/agent/v1/job.ts";
import type { Hello, Welcome } from "../proto/gen/millrace/agent/v1/session.ts";
import type { ApiAccess } from "./api-door/api-door.ts";
import type { AgentConfig } from "./config.ts";
import { type Executor, openRealExecutor } from "./executor.ts";
import { endpointOf, type Identity, openIdentity } from "./identity/identity.ts";
import { keyOf, refOf } from "./journal/attempt-key.ts";
import { type DataFolder, openDataFolder } from "./journal/data-folder.ts";
import { Journal } from "./journal/journal.ts";
import { Life } from "./life.ts";
import { LogShipper } from "./logs/log-shipper.ts";
import { Packer, type PackerOptions } from "./packing/packer.ts";
import { ProfilesFile } from "./packing/profiles-file.ts";
import { Attempts } from "./session/attempts.ts";
import { ConnectLoop } from "./session/connect-loop.ts";
import { openInTurn } from "./session/in-turn.ts";
import { receive } from "./session/inbox.ts";
import { Outbox } from "./session/outbox.ts";
import { Results } from "./session/results.ts";
import { checkRuntimes } from "./session/runtime-check.ts";
import { openStream } from "./session/stream.ts";

export interface AgentDeps {
  readonly log: Logger;
  /** The real one by default. Looks at the host and makes it ready; called once per run, when the data folder is ours. */
  readonly openExecutor?: (config: AgentConfig, folder: DataFolder, log: Logger) => Promise<Executor>;
  readonly clock?: Clock;
}

interface AgentStatus {
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
  /** Reads the owner's policy again. */
  reload(): void;
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
    reload: () => parts?.life.reload(),
    run: async (signal) => {
      const folder = openDataFolder(config.dataDir);
      try {
        // First: whoever is not let join need not look at the host.
        const identity = await openIdentity(config, deps.log, signal).catch((error: unknown) => {
          if (signal.aborted) return "stopped" as const;
          throw error;
        });
        if (identity === "stopped") return;
        const executor = await (deps.openExecutor ?? openRealExecutor)(config, folder, deps.log);
        try {
          checkRuntimes(executor.runtimes);
          parts = build(config, deps, folder, { executor, identity });
          await parts.life.start();
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

interface Parts {
  readonly log: Logger;
  readonly journal: Journal;
  readonly shipper: LogShipper;
  readonly results: Results;
  readonly attempts: Attempts;
  readonly loop: ConnectLoop;
  readonly life: Life;
  readonly packer: Packer | undefined;
  /** Resolves when the control plane has refused this agent for good. */
  readonly refused: Promise<AppError>;
}

interface Host {
  readonly executor: Executor;
  readonly identity: Identity | undefined;
}

function build(config: AgentConfig, deps: AgentDeps, folder: DataFolder, { executor, identity }: Host): Parts {
  const { log, clock = realClock } = deps;
  const agentId = identity?.agentId ?? folder.agentId;
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
  const packer: Packer | undefined = packerFor(config, executor, deps, {
    onRoom: () => attempts.roomMade(),
    onSlots: (slots, why) => life.conduct.resize(slots, why),
    onLongWait: (key, why) => attempts.sayWaiting(key, why),
    policyBytes: () => life.maxJobMemoryBytes,
  });
  const slots = packer?.slots ?? config.slots;
  const life: Life = new Life({
    config,
    slots,
    spoolDir: folder.spoolDir,
    clock,
    log,
    usualMemoryBytes: executor.usualMemoryBytes ?? 0,
    probe: () => executor.probe?.() ?? Promise.resolve(undefined),
    sweep: () => executor.sweep?.() ?? Promise.resolve(0),
    sources: {
      running: () => attempts.size,
      connected: () => loop.kind === "online",
      contactAgeMs: () => loop.contactAgeMs,
      sandboxesReady: () => executor.sandboxesReady?.() ?? 0,
      unacknowledgedResults: () => results.size,
      packing: () => packer?.status(),
    },
    onCapacity: () => outbox.capacity(life.capacity),
    onIntroduction: () => loop.reconnect(),
  });
  const attempts = new Attempts({
    slots: packer === undefined ? slots : packer.maxJobs,
    startAttempt: life.watch(executor.startAttempt),
    gate: packer,
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
  const hello = (): Hello => {
    dials += 1;
    life.dialled();
    const order = { start: folder.starts, dial: dials };
    return { ...introduce(config, executor, life), ...order, slots: life.capacity.slots, agentId, bootId: boot, held: heldNow() };
  };
  log.info(
    {
      event: "agent.ready",
      agentId,
      runtimes: life.runtimes(executor.runtimes),
      sandbox: executor.sandbox,
      tags: life.tags,
      slots,
      packs: packer !== undefined,
    },
    "ready",
  );
  if (config.sandbox && config.network === "none") {
    log.info({ event: "agent.without_network" }, "postgresql, mysql, graphql and http are not offered: MILLRACE_AGENT_NETWORK is none");
  }
  const loop: ConnectLoop = new ConnectLoop({
    endpoint: endpointOf(config, config.addresses[0] ?? "", identity),
    open: openInTurn(config.addresses, openStream, log, Math.random),
    clock,
    log,
    outbox,
    hello,
    heldNow,
    foldersNow: () => executor.folders?.refs() ?? [],
    runningCount: () => attempts.size,
    fenceAttempts: () => attempts.dropAll("no contact with the control plane for too long"),
    hold: () => attempts.hold(),
    release: () => attempts.release(),
    onPolicy: (policy) => shipper.setPolicy({ flushMs: policy.logFlushMs, windowBytes: policy.logWindowBytes }),
    onFrame: (frame) => {
      if (frame.welcome !== undefined) executor.useApi?.(apiAccessOf(frame.welcome, config));
      receive({ attempts, results, shipper, folders: executor.folders }, frame);
      if (frame.credential !== undefined) identity?.replace(frame.credential);
      if (frame.leave !== undefined) life.leave(frame.leave.reason);
    },
    onSession: () => {
      for (const started of attempts.started()) outbox.started(started);
      results.resend();
      if (life.conduct.isLimited) outbox.capacity(life.capacity);
    },
    onStreamLost: () => shipper.rewind(),
    onTick: () => shipper.dropStalled(),
    onRefused: (error, final) => {
      if (final === "lapsed") identity?.lapse();
      refused.resolve(error);
    },
  });
  return { log, journal, shipper, results, attempts, loop, life, packer, refused: refused.promise };
}

/** Undefined where the operator has set a number of slots, and where jobs cannot be kept to their memory: then the usual number of slots holds. */
function packerFor(
  config: AgentConfig,
  { host }: Executor,
  deps: AgentDeps,
  on: Pick<PackerOptions, "onRoom" | "onSlots" | "onLongWait" | "policyBytes">,
): Packer | undefined {
  if (!config.packs) return undefined;
  const { log, clock = realClock } = deps;
  if (host === undefined) {
    log.warn({ event: "agent.packing_off", slots: config.slots }, "MILLRACE_AGENT_SLOTS=auto has no effect: no control group keeps jobs to their memory");
    return undefined;
  }
  const { jobMemoryBytes, jobCpuMillis, dataDir } = config;
  return new Packer({ host, file: new ProfilesFile(join(dataDir, "packing.json"), log), jobMemoryBytes, jobCpuMillis, clock, ...on });
}

function introduce(config: AgentConfig, executor: Executor, life: Life): Omit<Hello, "agentId" | "bootId" | "held" | "slots"> {
  return {
    protocolVersion: PROTOCOL_VERSION,
    agentName: config.name,
    agentVersion: VERSION,
    tags: life.tags,
    runtimes: life.runtimes(executor.runtimes),
    sandbox: executor.sandbox,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    host: hostname(),
  };
}

async function serve(parts: Parts, config: AgentConfig, signal: AbortSignal): Promise<void> {
  parts.loop.start();
  // Also while it drains: what a revoked agent runs is not wanted any more.
  const refused = parts.refused.then((refusal) => {
    parts.attempts.dropAll("the control plane refuses this agent");
    return refusal;
  });
  const over = parts.life.over.then((why) => parts.log.info({ event: "agent.leaving", why }, `the agent ends: ${why}`));
  const refusal = await Promise.race([refused, aborted(signal), over]);
  if (refusal instanceof AppError) throw refusal;
  await drain(parts, config.drainGraceMs);
}

async function drain(parts: Parts, graceMs: number): Promise<void> {
  const { log, attempts, results, shipper } = parts;
  log.info({ event: "agent.draining", running: attempts.size, graceMs }, "no new work; waiting for what runs");
  parts.life.conduct.drain();
  // Another agent may have room now.
  attempts.handBackWaiting("the agent is shutting down");
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
  await parts.life.stop();
  await parts.loop.stop();
  parts.packer?.close();
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

function apiAccessOf({ jobTokenIssuer, jobTokenKey, apiUrl }: Welcome, config: AgentConfig): ApiAccess {
  return { issuer: jobTokenIssuer, key: jobTokenKey, apiUrl: config.apiUrl === "" ? apiUrl : config.apiUrl };
}
