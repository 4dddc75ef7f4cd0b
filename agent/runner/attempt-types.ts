import type { Exit } from "../../kernel/exit.ts";
import type { GroupMemory } from "../sandbox/cgroup/cgroup.ts";

/** Where a piece of output came from: 0 stdout, 1 stderr, 2 the agent itself, 3 what the script streams as its result. */
export const OUTPUT_STREAMS = [0, 1, 2, 3] as const;
export type OutputStream = (typeof OUTPUT_STREAMS)[number];

/** What an attempt may use of a host that packs its jobs; see packing/packer.ts. */
export interface AttemptRoom {
  /** Its limit of memory as it is now, bytes. Undefined: what the script asks for. */
  limitBytes(): number | undefined;
  /** It has a control group: from now on its limit may move. */
  hold(memory: GroupMemory): void;
}

/** What a running attempt tells its caller. */
export interface AttemptIo {
  /** Absent: the agent's own limits hold. */
  readonly room?: AttemptRoom | undefined;
  /** Why nothing may be fetched from a registry that no lock names; with it a script that has dependencies ends for the reason `policy`. Absent: it may. */
  readonly unlockedRefusal?: string;
  /** The script's program begins now; microseconds since the epoch. Called at most once. */
  onStarted(atUs: number): void;
  /**
   * Raw output, in the order in which it was read. Returns a promise when the log pipeline is full: the attempt
   * reads nothing more from its process until it resolves, so that the process blocks instead of memory growing.
   */
  onOutput(stream: OutputStream, data: Buffer): Promise<void> | undefined;
}

/** How an attempt ended. Never rejects: a sandbox that cannot be built is an exit reason too. */
export interface AttemptOutcome {
  readonly exit: Exit;
  /** JSON text: the script's result, or `{"error":{"name","message","stack"?}}`. */
  readonly resultJson: string;
  /** When the script's program began, microseconds since the epoch; 0 when it never did. */
  readonly startedAtUs: number;
  readonly finishedAtUs: number;
  /** The most memory that its whole tree used at one time. Absent where nothing measures it. */
  readonly peakMemoryBytes?: number;
  /** Processor time of its whole tree. */
  readonly cpuMs?: number;
}

export interface RunningAttempt {
  /** Resolves when the whole process tree is gone and its output has been read. Its files are gone a millisecond or two later. */
  readonly done: Promise<AttemptOutcome>;
  /** TERM to the script's processes, KILL of the whole tree after the bundle's grace. The exit reason becomes `cancelled`. Idempotent. */
  cancel(reason: string): void;
  /** KILL of the whole tree at once (self-fence, stale token). The exit reason becomes `fenced`. Idempotent. */
  fence(reason: string): void;
}
