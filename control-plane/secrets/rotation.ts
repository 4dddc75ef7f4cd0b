// Brings what is sealed with older keys under the newest ones, while jobs run: old keys open until nothing needs them. There is no state of a
// rotation: what is sealed with an old key is what is left to do. So it bears being broken off, and being done by several replicas at once.
import { messageOf } from "../../kernel/app-error.ts";
import { background } from "../../kernel/background.ts";
import type { WorkspaceId } from "../../kernel/ids.ts";
import type { Service } from "../../kernel/service.ts";
import type { Pool } from "../db/pools.ts";
import type { Log } from "../telemetry/log.ts";
import type { KeyRing } from "./key-ring.ts";
import { dropUnusedKeys, workspacesWithOldKeys } from "./key-store.ts";

/** The secrets of a workspace, to whoever keeps them. */
export interface SealedThings {
  /** Seals some of what older keys have sealed anew. @returns how many; 0 when nothing is left */
  resealSome(workspace: WorkspaceId, limit: number): Promise<number>;
}

const LOOK_EVERY_MS = 5 * 60 * 1000;
const BATCH = 100;
const WORKSPACES = 500;

export class SecretRotation implements Service {
  readonly #pool: Pool;
  readonly #keys: KeyRing;
  readonly #things: SealedThings;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #looking: Promise<void> | undefined;

  constructor(pool: Pool, keys: KeyRing, things: SealedThings, log: Log) {
    this.#pool = pool;
    this.#keys = keys;
    this.#things = things;
    this.#log = log;
  }

  async start(): Promise<void> {
    const look = (): void => background(this.#log, "rotation of keys", this.look());
    this.#timer = setInterval(look, LOOK_EVERY_MS);
    look();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#looking?.catch(() => undefined);
  }

  /** Does all that is to do. One look at a time: who comes meanwhile waits for it. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** A new key for a workspace; what the old ones have sealed is sealed anew in the background. @returns its version */
  async rotate(workspace: WorkspaceId, by: string): Promise<number> {
    const version = await this.#keys.rotate(workspace, by);
    this.#log.info({ event: "secrets.rotated", workspaceId: workspace, version }, "a workspace has a new key");
    background(this.#log, "sealing secrets anew", this.#reseal(workspace));
    return version;
  }

  /** What cannot be opened, here or at all, stays as it is; everything else does not wait for it. */
  async #lookOnce(): Promise<void> {
    await this.#rewrap().catch((error: unknown) => this.#complain("a key of a workspace", error));
    for (const workspace of await workspacesWithOldKeys(this.#pool, WORKSPACES)) {
      if (this.#stopped) return;
      await this.#reseal(workspace).catch((error: unknown) => this.#complain(`a secret of workspace ${workspace}`, error));
    }
  }

  async #rewrap(): Promise<void> {
    for (let done = 1; done > 0 && !this.#stopped; ) {
      done = await this.#keys.rewrap(BATCH);
      if (done > 0) this.#log.info({ event: "secrets.rewrapped", keys: done }, "keys of workspaces are sealed with the newest master key");
    }
  }

  #complain(what: string, error: unknown): void {
    this.#log.warn({ event: "secrets.not_rotated", error: messageOf(error) }, `${what} could not be sealed anew, will be tried again`);
  }

  async #reseal(workspace: WorkspaceId): Promise<void> {
    for (let done = BATCH; done === BATCH && !this.#stopped; ) done = await this.#things.resealSome(workspace, BATCH);
    if (!this.#stopped) await dropUnusedKeys(this.#pool, workspace);
  }
}
