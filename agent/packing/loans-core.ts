/** What can be seen of the control groups of jobs that run, and done to them. */
export interface JobGroups<Id = string> {
  /** Memory that the job uses now, bytes. Undefined when it is not known: it has not begun, or is gone. */
  usedBytes(id: Id): number | undefined;
  /** @returns false when the kernel refused: the limit stays what it was */
  limit(id: Id, bytes: number): boolean;
  /** Whether the job waits when it comes to its limit, instead of being killed; where the kernel can do that. */
  wait(id: Id, waits: boolean): void;
}

interface Loan {
  /** What the job was started for, or has grown to. It is never called back. */
  reservedBytes: number;
  /** What the kernel keeps it to: the above, and what it was lent. */
  limitBytes: number;
  readonly ceilingBytes: number;
  /** Looks since when it is at its limit and nothing was left to give. */
  stuckLooks: number;
}

const MB = 1024 * 1024;
/** A change by less is not worth a write. */
const MIN_STEP_BYTES = MB;
/** A job that waits for memory for so many looks, half a minute, is not going to get any: perhaps two wait for each other. */
const MAX_STUCK_LOOKS = 300;
/** The kernel charges in pieces: so close to its limit a job may have asked for more than fits. */
const AT_LIMIT_BYTES = MB;
/** A job that grows gets a quarter more than it uses, and this. */
const STEP_BYTES = 32 * MB;

/**
 * The memory limits of the jobs of one host. Their sum never exceeds what all jobs may use together, so no job can make the kernel look for a victim among
 * the others: one that needs more than it may ends alone. What is free is not left idle: it is lent to jobs whose need is only supposed, half of it
 * to each that starts, and called back, but for what they use, when another job needs it to start or to grow. A job that needs more when nothing is
 * left waits for it, where the kernel can make it wait.
 */
export class Loans<Id = string> {
  readonly #totalBytes: number;
  readonly #groups: JobGroups<Id>;
  readonly #loans = new Map<Id, Loan>();
  #limitsBytes = 0;
  #heldBytes = 0;

  /** @param totalBytes what all may use together */
  constructor(totalBytes: number, groups: JobGroups<Id>) {
    this.#totalBytes = totalBytes;
    this.#groups = groups;
  }

  /** What is taken by others than the jobs here. When it has become more, what was lent is called back. */
  hold(bytes: number): void {
    this.#heldBytes = bytes;
    if (this.#freeBytes < 0) this.#callBack(0);
  }

  /** In nobody's limit. */
  get spareBytes(): number {
    return Math.max(0, this.#freeBytes);
  }

  /** Less than nothing when what others have has grown, and the jobs use what they were lent. */
  get #freeBytes(): number {
    return this.#totalBytes - this.#heldBytes - this.#limitsBytes;
  }

  limitOf(id: Id): number | undefined {
    return this.#loans.get(id)?.limitBytes;
  }

  /**
   * A job starts with what was reserved for it, which is called back from others if it must be.
   * @param ceilingBytes it is never lent more than that in all; no more than was reserved: it has a limit that nobody moves
   */
  open(id: Id, reservedBytes: number, ceilingBytes: number): void {
    if (this.spareBytes < reservedBytes) this.#callBack(reservedBytes, id);
    this.#loans.set(id, { reservedBytes, limitBytes: reservedBytes, ceilingBytes, stuckLooks: 0 });
    this.#limitsBytes += reservedBytes;
  }

  /** Its limit can be moved from now on: before, what it was lent could not be called back. */
  lend(id: Id): void {
    const loan = this.#loans.get(id);
    if (loan === undefined || loan.ceilingBytes <= loan.limitBytes) return;
    this.#groups.wait(id, true);
    const lentBytes = Math.min(loan.ceilingBytes - loan.limitBytes, Math.floor(this.spareBytes / 2));
    if (lentBytes >= MIN_STEP_BYTES) this.#move(id, loan, loan.limitBytes + lentBytes);
  }

  close(id: Id): void {
    const loan = this.#loans.get(id);
    if (loan === undefined) return;
    this.#loans.delete(id);
    this.#limitsBytes -= loan.limitBytes;
  }

  /**
   * Looks at what the jobs use, and gives to those that come near their limit.
   * @returns by job what it needs, when that is more than was reserved: what it uses, or what it waits for
   */
  look(): Map<Id, number> {
    const grown = new Map<Id, number>();
    let calledBack = false;
    for (const [id, loan] of this.#loans) {
      if (loan.ceilingBytes <= loan.reservedBytes) continue;
      const usedBytes = this.#groups.usedBytes(id);
      if (usedBytes === undefined) continue;
      if (usedBytes > loan.reservedBytes) {
        loan.reservedBytes = Math.min(usedBytes, loan.limitBytes);
        grown.set(id, loan.reservedBytes);
      }
      if (usedBytes + nearBytes(loan.limitBytes) < loan.limitBytes) continue;
      const wantedBytes = Math.min(loan.ceilingBytes, Math.floor(usedBytes * 1.25) + STEP_BYTES);
      if (wantedBytes - loan.limitBytes > this.spareBytes && !calledBack) {
        // Once per look: it asks all others what they use.
        calledBack = true;
        this.#callBack(wantedBytes - loan.limitBytes, id);
      }
      const givenBytes = Math.min(wantedBytes - loan.limitBytes, this.spareBytes);
      if (givenBytes >= MIN_STEP_BYTES) this.#move(id, loan, loan.limitBytes + givenBytes);
      if (usedBytes + AT_LIMIT_BYTES < loan.limitBytes) loan.stuckLooks = 0;
      else {
        loan.stuckLooks += 1;
        grown.set(id, wantedBytes);
      }
    }
    this.#giveUp();
    return grown;
  }

  /** Of jobs that have waited for memory for too long the one that came last ends, and the others have another chance. */
  #giveUp(): void {
    const last = [...this.#loans].findLast(([, { stuckLooks }]) => stuckLooks >= MAX_STUCK_LOOKS);
    if (last === undefined) return;
    for (const loan of this.#loans.values()) loan.stuckLooks = 0;
    this.#groups.wait(last[0], false);
  }

  /** Takes back loans, the largest first, until so much is spare or nothing is left that is not used. */
  #callBack(spareBytes: number, exceptId?: Id): void {
    const lent = (loan: Loan): number => loan.limitBytes - loan.reservedBytes;
    const borrowers = [...this.#loans].filter(([id, loan]) => id !== exceptId && lent(loan) >= MIN_STEP_BYTES).sort(([, a], [, b]) => lent(b) - lent(a));
    for (const slackBytes of [amply, barely]) {
      for (const [id, loan] of borrowers) {
        if (this.#freeBytes >= spareBytes) return;
        const usedBytes = this.#groups.usedBytes(id);
        if (usedBytes === undefined) continue;
        const keptBytes = Math.max(loan.reservedBytes, usedBytes + slackBytes(usedBytes));
        if (loan.limitBytes - keptBytes >= MIN_STEP_BYTES) this.#move(id, loan, keptBytes);
      }
    }
  }

  #move(id: Id, loan: Loan, bytes: number): void {
    if (!this.#groups.limit(id, bytes)) return;
    this.#limitsBytes += bytes - loan.limitBytes;
    loan.limitBytes = bytes;
    // Beyond that there is nothing to wait for.
    this.#groups.wait(id, bytes < loan.ceilingBytes);
  }
}

/** A job goes on using more between the look and the write: its limit is taken down no closer than this to what it uses, if that is enough … */
function amply(usedBytes: number): number {
  return Math.max(16 * MB, usedBytes / 8);
}

/** … and no closer than this at all. What was reserved is never touched. */
function barely(usedBytes: number): number {
  return Math.max(4 * MB, usedBytes / 32);
}

/** This close to its limit a job is given more. */
function nearBytes(limitBytes: number): number {
  return Math.min(64 * MB, Math.max(2 * MB, limitBytes / 10));
}
