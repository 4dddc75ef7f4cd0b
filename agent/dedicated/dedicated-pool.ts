/**
 * Dedicated processes, for scripts that asked for them (`Requirements.dedicated`): a bounded number for the whole agent, each for one key
 * (`dedicated-key.ts`). A job for which there is none, and none can be made, starts like any other.
 *
 * One is ended when it has been idle for long, when it is old, when its memory has grown, when the host is short of memory, and when another
 * script needs its room; never while it has a job.
 */
import { freemem, totalmem } from "node:os";
import type { Bundle } from "../../proto/gen/millrace/agent/v1/job.ts";
import type { SecretMask } from "../masking/secret-mask.ts";
import type { DedicatedStart } from "../runtimes/runtime.ts";
import type { Sandbox, SandboxIo, SandboxProcess, SandboxSpec } from "../sandbox/sandbox.ts";
import { dedicatedKey } from "./dedicated-key.ts";
import { DedicatedProcess } from "./dedicated-process.ts";

export interface DedicatedOptions {
  /** How many there may be; 0 for none. */
  readonly max: number;
  readonly idleMs?: number;
  /** What one sees of the host (name servers, addresses of an allow list) is from its start. */
  readonly maxAgeMs?: number;
  /** One that says it has more after a job is not used again. */
  readonly maxBytes?: number;
  /** Whether the host is short of memory. */
  readonly isShort?: () => boolean;
}

export interface DedicatedRequest {
  readonly bundle: Bundle;
  readonly start: DedicatedStart;
  /** Of the job, as it would run without. */
  readonly spec: SandboxSpec;
  readonly io: SandboxIo;
  /** Of the job's output. */
  readonly mask: SecretMask;
  /** Keeps what the attempt has mounted for as long as a process may use it. @returns what ends it */
  readonly hold: () => () => void;
}

export interface DedicatedStats {
  readonly processes: number;
  readonly busy: number;
  /** Jobs that were given to one. */
  readonly jobs: number;
  /** Processes that were started for them. */
  readonly started: number;
}

const IDLE_MS = 5 * 60_000;
/** As those that are made ahead of time, see `ready-pool.ts`. */
const MAX_AGE_MS = 10 * 60_000;
const MAX_BYTES = 512 * 1024 * 1024;
const LOOK_EVERY_MS = 10_000;
/** Of the host's memory. */
const SHORT_SHARE = 0.05;

export class DedicatedPool {
  readonly #sandbox: Sandbox;
  readonly #options: Required<DedicatedOptions>;
  readonly #processes = new Set<DedicatedProcess>();
  #timer: NodeJS.Timeout | undefined;
  #jobs = 0;
  #started = 0;

  constructor(sandbox: Sandbox, options: DedicatedOptions) {
    this.#sandbox = sandbox;
    this.#options = { idleMs: IDLE_MS, maxAgeMs: MAX_AGE_MS, maxBytes: MAX_BYTES, isShort: () => freemem() < totalmem() * SHORT_SHARE, ...options };
  }

  stats(): DedicatedStats {
    const busy = [...this.#processes].filter((process) => process.busy).length;
    return { processes: this.#processes.size, busy, jobs: this.#jobs, started: this.#started };
  }

  /** The job in a dedicated process, or undefined when it is to start like any other. When it ends with `setup_failed` it has not begun. */
  async start({ bundle, start, spec, io, mask, hold }: DedicatedRequest): Promise<SandboxProcess | undefined> {
    const key = dedicatedKey(bundle, spec);
    const process = this.#idle(key) ?? this.#open(key, start, hold);
    if (process === undefined) return undefined;
    this.#jobs += 1;
    mask.add([...process.secrets]);
    try {
      const running = await process.run(spec, start.job, io);
      void running.done.then(() => {
        process.remember(mask.secrets);
        this.#look();
      });
      return running;
    } catch {
      // The way without will meet the same and can say so.
      return undefined;
    }
  }

  /** Memory that processes without a job may use, bytes: what they say of themselves is the tenant's word. */
  heldBytes(): number {
    return this.#waiting().reduce((sum, process) => sum + (process.limitBytes ?? process.bytes), 0);
  }

  /** Ends the one that has been without a job for the longest. @returns false when there is none */
  shed(): boolean {
    const [process] = this.#waiting();
    process?.close();
    return process !== undefined;
  }

  /** Ends all that wait; those that have a job end with it. Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    for (const process of this.#processes) process.close();
  }

  /** The one that was used last: the others may become old. */
  #idle(key: string): DedicatedProcess | undefined {
    return this.#waiting()
      .filter((process) => process.key === key)
      .at(-1);
  }

  /** Those without a job, the longest idle first. */
  #waiting(): DedicatedProcess[] {
    return [...this.#processes].filter((process) => !process.busy && !process.ended).sort((a, b) => a.idleSinceMs - b.idleSinceMs);
  }

  #open(key: string, start: DedicatedStart, hold: DedicatedRequest["hold"]): DedicatedProcess | undefined {
    const { max, isShort } = this.#options;
    if (max <= 0 || isShort()) return undefined;
    if (this.#processes.size >= max) this.#waiting()[0]?.close();
    const alive = [...this.#processes].filter((process) => !process.ended).length;
    if (alive >= max) return undefined;
    const process = new DedicatedProcess(this.#sandbox, key, start, performance.now());
    if (!process.possible) {
      process.close();
      return undefined;
    }
    this.#started += 1;
    this.#processes.add(process);
    const letGo = hold();
    void process.gone.then(() => {
      this.#processes.delete(process);
      letGo();
    });
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS).unref();
    return process;
  }

  #look(): void {
    const { idleMs, maxAgeMs, maxBytes, isShort } = this.#options;
    const nowMs = performance.now();
    const short = isShort();
    for (const process of this.#waiting()) {
      const isStale = nowMs - process.idleSinceMs >= idleMs || nowMs - process.madeAtMs >= maxAgeMs;
      if (short || isStale || process.bytes > maxBytes) process.close();
    }
  }
}
