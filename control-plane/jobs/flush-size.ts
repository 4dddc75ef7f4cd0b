import type { WorkspaceId } from "../../kernel/ids.ts";

/**
 * A flush is as large as fits into a time. Small ones cost more commits for each job; in large ones those who come meanwhile wait longer, and a
 * workspace that waits behind another's pays for it: so they are shorter while there are several.
 */
const FLUSH_MS = 25;
const SHARED_FLUSH_MS = 6;
/** After operations of two workspaces came one upon the other, the writer counts as shared for so long. */
const SHARED_FOR_MS = 500;
const MIN_BATCH = 64;
const MAX_BATCH = 1000;
/**
 * So many operations of a flush are followed up in a turn of the event loop: each one sets off dispatches, frames and answers. A turn that takes more makes fewer
 * and fuller frames, and its connection has work again sooner; those of other workspaces wait for it (docs/decisions/0207).
 */
const PER_TURN = 512;
const SHARED_PER_TURN = 64;
/** The first guess. */
const FIRST_OPERATION_MS = 0.03;
/** Flushes from this size on say what an operation costs. */
const TELLING_BATCH = 32;

/** How many operations a flush may have, by what those before it took and by who shares the writer. Times are monotonic. */
export class FlushSize {
  /** Milliseconds of one operation, a moving mean. */
  #operationMs = FIRST_OPERATION_MS;
  #lastWorkspace: WorkspaceId | undefined;
  #sharedUntilMs = 0;

  comesFrom(workspace: WorkspaceId): void {
    if (this.#lastWorkspace !== undefined && workspace !== this.#lastWorkspace) this.#sharedUntilMs = performance.now() + SHARED_FOR_MS;
    this.#lastWorkspace = workspace;
  }

  took(operations: number, ms: number): void {
    if (operations >= TELLING_BATCH) this.#operationMs += (ms / operations - this.#operationMs) / 8;
  }

  /** Whether operations of several workspaces have come lately. */
  get isShared(): boolean {
    return performance.now() < this.#sharedUntilMs;
  }

  /** Operations that are followed up in one turn. */
  get perTurn(): number {
    return this.isShared ? SHARED_PER_TURN : PER_TURN;
  }

  get most(): number {
    const withinMs = this.isShared ? SHARED_FLUSH_MS : FLUSH_MS;
    return Math.max(MIN_BATCH, Math.min(MAX_BATCH, Math.round(withinMs / this.#operationMs)));
  }
}
