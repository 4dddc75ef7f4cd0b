import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../kernel/app-error.ts";
import { parseJobId } from "../../kernel/ids.ts";
import type { AttemptRef, SharedFolder } from "../../proto/gen/millrace/agent/v1/job.ts";
import { type FolderBounds, faultOfSize } from "../sandbox/disk-guard.ts";
import { removeTree } from "../sandbox/remove-tree.ts";

const PREFIX = "run-";
/** Each is named in every keepalive. */
const MOST_FOLDERS = 1_000;
const MOST_ENTRIES = 100_000;

interface Kept {
  readonly path: string;
  /** Of the attempt that used it last: it names the shard of the run. */
  token: string;
  /** Resolves when the attempt that uses it has ended; undefined while none does. */
  inUse: Promise<void> | undefined;
  /** No attempt is to find it any more. */
  isOver: boolean;
}

/** A folder while an attempt uses it. */
export interface FolderUse {
  readonly bounds: FolderBounds;
  /** How it breaks its bounds; undefined when it does not. */
  fault(): Promise<string | undefined>;
  /** The attempt has ended. To be called once. */
  leave(): void;
}

/**
 * Folders that the steps of a flow's run share on this agent, one step after the other. One lives until the control plane says that its run needs it
 * no more, and no longer than this process: what a killed step has left behind may be half of something, so the next process throws all away,
 * and steps that come for theirs are told that it is lost.
 */
export class SharedFolders {
  readonly #dir: string;
  readonly #maxBytes: number;
  readonly #kept = new Map<string, Kept>();
  /** Those that are there, or are being removed. */
  readonly #paths = new Set<string>();

  private constructor(dir: string, maxBytes: number) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  /** Removes what an earlier process left behind. @param dir of this agent alone @param maxBytes of one folder */
  static async open(dir: string, maxBytes: number): Promise<SharedFolders> {
    mkdirSync(dir, { recursive: true, mode: 0o711 });
    // Whatever the umask is: job users must pass through, and not list.
    chmodSync(dir, 0o711);
    const folders = new SharedFolders(dir, maxBytes);
    await folders.sweep();
    return folders;
  }

  /**
   * The folder of a run, for one of its steps. An attempt before it may be dying still: its processes must not be there when the folder is given to
   * the next one's user.
   * @param token of the attempt
   * @returns undefined when it is to be there and is not
   * Errors: resource_exhausted for too many; invalid_argument for a run that is none.
   */
  async take({ runId, create }: SharedFolder, token: string): Promise<FolderUse | undefined> {
    if (create) this.#make(runId);
    const kept = this.#kept.get(runId);
    while (kept?.inUse !== undefined) await kept.inUse;
    if (kept === undefined || kept.isOver) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    kept.token = token;
    kept.inUse = promise;
    const bounds = { folder: kept.path, maxBytes: this.#maxBytes, maxEntries: MOST_ENTRIES, writer: "the flow's steps" };
    const leave = (): void => {
      kept.inUse = undefined;
      resolve();
      this.#removeUnused(kept);
    };
    return { bounds, leave, fault: () => faultOfSize(bounds) };
  }

  /** The run does not need its folder any more, if it has one here. */
  release(runId: string): void {
    const kept = this.#kept.get(runId);
    if (kept === undefined) return;
    this.#kept.delete(runId);
    kept.isOver = true;
    this.#removeUnused(kept);
  }

  /** For keepalives: runs, with tokens of attempts that used their folders. */
  refs(): AttemptRef[] {
    return [...this.#kept].map(([jobId, { token }]) => ({ jobId, token }));
  }

  /** Removes what should have been removed before. @returns how many folders */
  async sweep(): Promise<number> {
    const left = (await readdir(this.#dir)).filter((name) => name.startsWith(PREFIX) && !this.#paths.has(join(this.#dir, name)));
    for (const name of left) await removeTree(join(this.#dir, name));
    return left.length;
  }

  #make(runId: string): void {
    if (parseJobId(runId) === undefined) throw new AppError("invalid_argument", "a folder is for the run of a flow");
    this.release(runId);
    if (this.#kept.size >= MOST_FOLDERS) throw new AppError("resource_exhausted", `this agent keeps ${MOST_FOLDERS} folders for runs of flows already`);
    const path = mkdtempSync(join(this.#dir, PREFIX));
    this.#paths.add(path);
    this.#kept.set(runId, { path, token: "", inUse: undefined, isOver: false });
  }

  #removeUnused({ path, inUse, isOver }: Kept): void {
    if (!isOver || inUse !== undefined) return;
    const forget = (): void => void this.#paths.delete(path);
    // What cannot be removed now is left to the sweep.
    void removeTree(path).then(forget, forget);
  }
}
