import { execFile } from "node:child_process";
import { chownSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { isMainThread } from "node:worker_threads";
import { AppError } from "../../kernel/app-error.ts";
import { realClock } from "../../kernel/clock.ts";
import { type BwrapParts, type BwrapProcess, startBwrap } from "./bwrap-process.ts";
import type { CgroupDriver, JobCgroup, JobLimits } from "./cgroup/cgroup.ts";
import { measured } from "./cgroup/measured.ts";
import { makeBlankFiles, openJobDirTo, writeJobFiles } from "./job-dir.ts";
import { JobDirs } from "./job-dirs.ts";
import type { JobIdentity, JobUids } from "./job-uids.ts";
import { launcherArgv, waitingLauncherArgv, warmLauncherArgv } from "./launcher.ts";
import type { Firewall } from "./network/firewall.ts";
import { closeNetwork, openNetwork } from "./network/job-network.ts";
import { bubblewrapArgs, encodeArgs, INSIDE_JOB, INSIDE_TMP, type SystemTree } from "./profile.ts";
import { ReadyPool } from "./ready-pool.ts";
import type {
  InsidePaths,
  NamedPipe,
  Place,
  Sandbox,
  SandboxIo,
  SandboxProcess,
  SandboxShape,
  SandboxSpec,
  SandboxStats,
  WarmInterpreter,
  WarmPlan,
  WarmStart,
} from "./sandbox.ts";
import { fitsShape } from "./shape.ts";
import { canExport, START_FILE, startFileText } from "./start-file.ts";
import { ownBytesBelow } from "./warm/memory.ts";
import { BASE_ENV, canSetLater } from "./warm/start-env.ts";
import { WarmPools } from "./warm/warm-pools.ts";

export interface BubblewrapParts extends BwrapParts {
  readonly system: SystemTree;
  readonly uids: JobUids;
  /** Folder for job folders, see `makeReachableDir`. */
  readonly jobsDir: string;
  readonly cgroups: CgroupDriver;
  readonly firewall: Firewall;
}

/** A small limit would kill an interpreter that is just being made. */
const LEAST_WHILE_WAITING_BYTES = 128 * 1024 * 1024;
/** An interpreter that waits cannot begin with less than this beside what it has. */
const WARM_SPARE_BYTES = 4 * 1024 * 1024;

/** A folder and a user. */
interface Room {
  readonly dir: string;
  readonly identity: JobIdentity;
  readonly cgroup: JobCgroup;
  /** Names of empty files in the folder that may become the job's. */
  readonly blanks: string[];
  /** Pipes have had names in the folder, and somebody may still take one away by its name: another job does not get it. */
  piped: boolean;
}

/** As many files as a script of any runtime needs, with the start file. More are made when they are needed. */
const BLANKS = 5;
/** The same where an interpreter waits. */
const WARM_BLANKS = 2;

/** A sandbox that waits for its job. Nothing of a tenant is in it, and it is used once. */
interface Prepared {
  readonly room: Room;
  readonly process: BwrapProcess;
  readonly ended: Promise<unknown>;
  readonly madeAtMs: number;
}

/** Of a sandbox itself: bwrap and the launcher. The limit for users does not count bwrap. */
const OWN_PROCESSES = 2;

/** Goes down folder by folder, so that no path is too long for it. */
const CHOWN = "/bin/chown";
const run = promisify(execFile);

const PATHS: InsidePaths = { job: INSIDE_JOB, tmp: INSIDE_TMP };

/** While a script that has just been started is at work, and after one has ended (a flow brings its next step then): making a sandbox stops the agent for milliseconds. */
const QUIET_AFTER_START_MS = 20;
const QUIET_AFTER_END_MS = 12;
/** To remove what an ended job had takes half a millisecond: first its end is told, and while the control plane writes it down there is time. */
const CLEAR_AFTER_MS = 1;

/**
 * Runs jobs in bubblewrap. A place is *cold* (everything is made when its script is known) or *prepared*: a launcher already
 * waits inside, the job's files appear in its folder, one byte lets it go on.
 */
export function createBubblewrap(parts: BubblewrapParts): Sandbox {
  if (!isMainThread) throw new AppError("internal", "sandboxes must be started from the main thread: the kernel ends them with the thread that made them");
  return new Bubblewrap(parts);
}

class Bubblewrap implements Sandbox {
  readonly kind = "bubblewrap";
  readonly parts: BubblewrapParts;
  /** Of all that are prepared. */
  #shape: SandboxShape | undefined;
  #pool: ReadyPool<Prepared> | undefined;
  #warmPools: WarmPools<Prepared> | undefined;
  /** What the last job was limited to: the next one mostly is too. */
  #usual: JobLimits | undefined;
  /** The end of the sandbox that is being prepared: one at a time, for all pools together. */
  #turn: Promise<unknown> = Promise.resolve();
  #fast = 0;
  #warm = 0;
  #cold = 0;
  /** Folders of ended jobs, for `CLEAR_AFTER_MS`. */
  readonly #leaving: Room[] = [];
  readonly #dirs: JobDirs;

  constructor(parts: BubblewrapParts) {
    this.parts = parts;
    this.#dirs = new JobDirs(parts.jobsDir, realClock);
  }

  mountPath(mount: { readonly target: string }): string {
    return mount.target;
  }

  place(cold = false): Place {
    this.#rest(QUIET_AFTER_START_MS);
    return new BubblewrapPlace(this, cold);
  }

  prepare(shape: SandboxShape, count: number, warm?: WarmPlan): void {
    if (this.#pool !== undefined) return;
    this.#shape = shape;
    if (count > 0) this.#keepDirs();
    const drop = (prepared: Prepared): void => this.#drop(prepared);
    this.#pool = new ReadyPool({ size: count, make: () => this.#inTurn(() => this.#prepare(shape)), drop, clock: realClock });
    if (warm === undefined || warm.budgetBytes <= 0) return;
    this.#keepDirs();
    this.#warmPools = new WarmPools({
      plan: warm,
      make: (interpreter) => this.#inTurn(() => this.#prepare(shape, interpreter)),
      drop,
      bytesOf: ({ process }) => ownBytesBelow(process.firstPid() ?? 0),
      clock: realClock,
    });
  }

  /**
   * Where all jobs have one user none gets the folder of another: that one may have handed it, open, to a third, by a socket of the network that they
   * share. With a user for each the folder is closed to those that had it.
   */
  #keepDirs(): void {
    if (this.parts.uids.separate) this.#dirs.keep();
  }

  stats(): SandboxStats {
    const warmReady = this.#warmPools?.ready() ?? new Map<string, number>();
    const warmBytes = this.#warmPools?.heldBytes ?? 0;
    return { ready: this.#pool?.size ?? 0, warmReady, warmBytes, fast: this.#fast, warm: this.#warm, cold: this.#cold };
  }

  close(): void {
    this.#pool?.close();
    this.#warmPools?.close();
    this.#dirs.close();
    this.#sweep();
  }

  /** A prepared sandbox into which this launch fits, with its interpreter if there is one. */
  take(spec: SandboxSpec): { readonly prepared: Prepared; readonly warm: WarmStart | undefined } | undefined {
    if (spec.onSaid !== undefined || spec.channel === true || spec.shared !== undefined || this.#shape === undefined || !fitsShape(this.#shape, spec))
      return undefined;
    const { warm } = spec;
    const waiting = warm !== undefined && canSetLater(spec.env) ? this.#alive(this.#warmPools?.take(warm.interpreter)) : undefined;
    if (waiting !== undefined) return { prepared: waiting, warm };
    const prepared = canExport(spec.env) ? this.#alive(this.#pool?.take()) : undefined;
    return prepared === undefined ? undefined : { prepared, warm: undefined };
  }

  #alive(prepared: Prepared | undefined): Prepared | undefined {
    if (prepared?.process.exited() !== true) return prepared;
    this.#drop(prepared);
    return undefined;
  }

  #rest(ms: number): void {
    this.#pool?.rest(ms);
    this.#warmPools?.rest(ms);
  }

  #inTurn<T>(make: () => Promise<T>): Promise<T> {
    const made = this.#turn.then(make);
    this.#turn = made.catch(() => undefined);
    return made;
  }

  /** Gives the job to the interpreter that waits in there. */
  startWarm({ room, process }: Prepared, warm: WarmStart, spec: SandboxSpec, io: SandboxIo): SandboxProcess {
    this.#fast += 1;
    this.#warm += 1;
    this.#limit(room, spec, true);
    fill(room, warm.files);
    process.attach({ io, recordMaxBytes: spec.recordMaxBytes });
    process.go(`${JSON.stringify({ ...warm.job, env: Object.fromEntries(spec.env) })}\n`);
    return measured(process, room.cgroup);
  }

  startFast(prepared: Prepared, spec: SandboxSpec, io: SandboxIo): SandboxProcess {
    this.#fast += 1;
    const { room, process } = prepared;
    this.#limit(room, spec);
    fill(room, [...spec.files, { name: START_FILE, content: startFileText(spec.argv, spec.env) }]);
    const onBegun = (atUs: number): void => {
      io.onBegun(atUs);
      // The launcher has read it. Variables are often secrets: so short a life on a disk mostly ends before anything is written there.
      removeFiles(room, [START_FILE, ...room.blanks]);
    };
    process.attach({ io: { onBegun, onOutput: (stream, data) => io.onOutput(stream, data) }, recordMaxBytes: spec.recordMaxBytes });
    process.go();
    return measured(process, room.cgroup);
  }

  async startCold(room: Room, spec: SandboxSpec, io: SandboxIo): Promise<SandboxProcess> {
    this.#cold += 1;
    this.#limit(room, spec);
    const enclosed = await openNetwork(this.parts.firewall, room.identity, spec, room.dir);
    const args = encodeArgs(bubblewrapArgs({ ...enclosed, jobDir: room.dir }, this.parts.system));
    fill(room, enclosed.files);
    for (const mount of spec.writable ?? []) giveTo(mount.source, room.identity);
    if (spec.shared !== undefined) await giveTree(spec.shared, room.identity);
    const { identity, cgroup } = room;
    const launcher = launcherArgv(spec.argv, spec.rlimits);
    const [waits, channel] = [spec.onSaid !== undefined, spec.channel === true];
    const process = await startBwrap(this.parts, { args, launcher, identity, cgroup, waits, channel });
    process.attach({ io, recordMaxBytes: spec.recordMaxBytes, onSaid: spec.onSaid });
    return measured(process, cgroup);
  }

  /** Before anything of the tenant is there. @param hasMemory what waits in the group has some already: the limit cannot be less */
  #limit(room: Room, { limits, rlimits }: SandboxSpec, hasMemory = false): void {
    this.#usual = { ...limits, processes: rlimits.processes + OWN_PROCESSES };
    const memoryBytes = limits?.memoryBytes ?? LEAST_WHILE_WAITING_BYTES;
    const leastBytes = hasMemory && memoryBytes < LEAST_WHILE_WAITING_BYTES ? (room.cgroup.usedBytes() ?? 0) + WARM_SPARE_BYTES : 0;
    room.cgroup.limit(memoryBytes < leastBytes ? { ...this.#usual, memoryBytes: leastBytes } : this.#usual);
  }

  makeRoom(): Room {
    const { uids, cgroups } = this.parts;
    const dir = this.#dirs.take();
    let identity: JobIdentity | undefined;
    try {
      identity = uids.acquire();
      openJobDirTo(dir, identity);
      return { dir, identity, cgroup: cgroups.create(), blanks: [], piped: false };
    } catch (error) {
      if (identity !== undefined) uids.release(identity);
      this.#dirs.remove(dir);
      throw error;
    }
  }

  /** Gives the folder and the user back, a little after whoever waits for the job has been told. Only when no process is left. */
  clear(room: Room): void {
    this.#rest(QUIET_AFTER_END_MS);
    if (this.#leaving.push(room) === 1) setTimeout(() => this.#sweep(), CLEAR_AFTER_MS);
  }

  #sweep(): void {
    for (const room of this.#leaving.splice(0)) {
      if (room.piped) this.#dirs.remove(room.dir);
      else this.#dirs.giveBack(room.dir);
      this.#leave(room);
    }
  }

  /** @returns undefined when it did not come to wait */
  async #prepare(shape: SandboxShape, interpreter?: WarmInterpreter): Promise<Prepared | undefined> {
    const room = this.makeRoom();
    try {
      if (this.#usual !== undefined) room.cgroup.expect(forWaiting(this.#usual));
      room.blanks.push(...makeBlankFiles(room.dir, interpreter === undefined ? BLANKS : WARM_BLANKS));
      const env = interpreter === undefined ? new Map<string, string>() : BASE_ENV;
      const args = encodeArgs(bubblewrapArgs({ ...shape, env, jobDir: room.dir }, this.parts.system));
      const launcher = interpreter === undefined ? waitingLauncherArgv(shape.rlimits) : warmLauncherArgv(interpreter.argv, shape.rlimits);
      const process = await startBwrap(this.parts, { args, launcher, identity: room.identity, cgroup: room.cgroup, waits: true });
      const prepared = { room, process, ended: process.done, madeAtMs: realClock.monotonicMs() };
      if (await process.ready) return prepared;
      this.#drop(prepared);
    } catch {
      // No process was started. A cold start will meet the same and can say so.
      this.clear(room);
    }
    return undefined;
  }

  /** Ends a sandbox without a job. Its folder goes at once, since the agent may be about to end; its user when the last process is gone. */
  #drop({ room, process }: Prepared): void {
    process.kill();
    this.#dirs.remove(room.dir);
    void process.done.then(() => this.#leave(room));
  }

  /** Gives back what a tree had that is gone: its group, its way to the network and last its user. */
  #leave({ identity, cgroup }: Room): void {
    cgroup.remove();
    closeNetwork(this.parts.firewall, identity, () => this.parts.uids.release(identity));
  }
}

class BubblewrapPlace implements Place {
  readonly paths = PATHS;
  readonly #sandbox: Bubblewrap;
  readonly #cold: boolean;
  #room: Room | undefined;
  #process: SandboxProcess | undefined;

  constructor(sandbox: Bubblewrap, cold: boolean) {
    this.#sandbox = sandbox;
    this.#cold = cold;
  }

  async start(spec: SandboxSpec, io: SandboxIo): Promise<SandboxProcess> {
    const taken = this.#cold ? undefined : this.#sandbox.take(spec);
    if (taken !== undefined) {
      const { prepared, warm } = taken;
      this.#room = prepared.room;
      this.#process = prepared.process;
      return warm === undefined ? this.#sandbox.startFast(prepared, spec, io) : this.#sandbox.startWarm(prepared, warm, spec, io);
    }
    this.#room = this.#sandbox.makeRoom();
    this.#process = await this.#sandbox.startCold(this.#room, spec, io);
    return this.#process;
  }

  async pipes(names: readonly string[]): Promise<NamedPipe[]> {
    const room = this.#room;
    if (room === undefined) throw new AppError("internal", "pipes are for processes that have been started");
    room.piped = true;
    const made: NamedPipe[] = [];
    try {
      for (const name of names) made.push(await this.#sandbox.parts.pipes.takeNamed(join(room.dir, name), room.identity));
    } catch (error) {
      // The process has ended meanwhile, and its folder has gone.
      for (const { release, reader } of made) {
        release();
        reader.destroy();
      }
      throw error;
    }
    return made;
  }

  async discard(): Promise<void> {
    const room = this.#room;
    if (room === undefined) return;
    this.#room = undefined;
    // Not after `done`: something failed between taking a prepared sandbox and its start.
    if (this.#process?.exited() === false) {
      this.#process.kill();
      await this.#process.done;
    }
    this.#sandbox.clear(room);
  }
}

/** What limits of a job can stand while its sandbox is made. */
function forWaiting(limits: JobLimits): JobLimits {
  const { memoryBytes = 0, ...others } = limits;
  return memoryBytes >= LEAST_WHILE_WAITING_BYTES ? limits : others;
}

function giveTo(dir: string, identity: JobIdentity): void {
  if (!identity.own) chownSync(dir, identity.uid, identity.gid);
}

/** With all that the user before has left there. Only while no program can write there; links are changed themselves, never followed. */
async function giveTree(dir: string, { own, uid, gid }: JobIdentity): Promise<void> {
  if (!own) await run(CHOWN, ["-R", "-h", "-P", `${uid}:${gid}`, "--", dir], { env: {} });
}

function fill(room: Room, files: SandboxSpec["files"]): void {
  writeJobFiles(room.dir, files, room.blanks);
}

function removeFiles(room: Room, names: readonly string[]): void {
  try {
    for (const name of names) unlinkSync(join(room.dir, name));
  } catch {
    // Then they go with the others.
  }
}
