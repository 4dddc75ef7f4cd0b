import { AppError } from "../../kernel/app-error.ts";

/** Who a job runs as on the host. `own` means the agent's own user: only namespaces separate such jobs. */
export interface JobIdentity {
  readonly uid: number;
  readonly gid: number;
  readonly own: boolean;
}

export const FIRST_UID = 200_000;
export const UID_COUNT = 1_000;

/**
 * Hands out unprivileged users, one live job each. They are in no passwd file. Ids go round in order from a random
 * start, so that a freed one rests as long as possible and two agents of one host rarely meet.
 * An agent that is not root has only itself to give.
 */
export class JobUids {
  readonly #taken = new Set<number>();
  readonly #own: JobIdentity | undefined;
  #next: number;

  /** @param random a number in [0, 1): where the round starts */
  constructor(own: JobIdentity | undefined, random: number) {
    this.#own = own;
    this.#next = Math.floor(random * UID_COUNT) % UID_COUNT;
  }

  /** True when every job has a user of its own. */
  get separate(): boolean {
    return this.#own === undefined;
  }

  /** @throws resource_exhausted when 1,000 jobs are alive */
  acquire(): JobIdentity {
    if (this.#own !== undefined) return this.#own;
    for (let tried = 0; tried < UID_COUNT; tried++) {
      const uid = FIRST_UID + this.#next;
      this.#next = (this.#next + 1) % UID_COUNT;
      if (this.#taken.has(uid)) continue;
      this.#taken.add(uid);
      return { uid, gid: uid, own: false };
    }
    throw new AppError("resource_exhausted", "all job users are taken");
  }

  /** Gives an identity back. Only when its processes and files are gone. */
  release(identity: JobIdentity): void {
    this.#taken.delete(identity.uid);
  }
}

/** The pool for this process: separate users when it is root, itself otherwise. */
export function createJobUids(): JobUids {
  const own = ownIdentity();
  return new JobUids(own.uid === 0 ? undefined : own, Math.random());
}

/** The agent's own user, also when that is root: for runs without a sandbox. */
export function ownIdentity(): JobIdentity {
  return { uid: process.getuid?.() ?? -1, gid: process.getgid?.() ?? -1, own: true };
}
