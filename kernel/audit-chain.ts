// The chain of the audit log: what is hashed, and how a chain is looked over. The control plane writes it in SQL (audit-store.ts); whoever checks
// it does so here, with nothing of the control plane's.
import { createHash } from "node:crypto";

export type AuditOutcome = "done" | "asked" | "denied";

/** A row, as it is exported. */
export interface AuditRow {
  /** Number of the workspace as text; "0" for the instance. */
  readonly chain: string;
  /** From 1, without gaps. */
  readonly seq: number;
  /** ISO 8601 in UTC, milliseconds. */
  readonly at: string;
  readonly actor: string;
  readonly action: string;
  readonly target: string;
  readonly outcome: string;
  readonly detail: unknown;
  /** SHA-256, hexadecimal. */
  readonly prev_hash: string;
  readonly hash: string;
}

/** The end of a chain, as somebody keeps it elsewhere. */
export interface AuditHead {
  readonly chain: string;
  readonly seq: number;
  readonly at: string;
  readonly hash: string;
}

export interface AuditFinding {
  readonly seq: number;
  /**
   * changed: the row is not what was hashed · missing: rows before it are gone · out_of_order: it stands at the wrong place, or twice · unlinked: it
   * does not follow from the row before · cut: the end is gone · rewritten: it is not what an earlier head says
   */
  readonly kind: "changed" | "missing" | "out_of_order" | "unlinked" | "cut" | "rewritten";
  readonly message: string;
}

/** Before the first row. */
export const NO_HASH = "0".repeat(64);

/** What of a row is hashed beside its number and its time; the same text in SQL and here. */
export function auditText({
  actor,
  action,
  target,
  outcome,
  detail,
}: Pick<AuditRow, "actor" | "action" | "target" | "outcome"> & { readonly detail: string }): string {
  return JSON.stringify([actor, action, target, outcome, detail]);
}

/** sha256(hash of the row before ∥ row as JSON text), hexadecimal. */
export function auditHash(row: Omit<AuditRow, "hash">): string {
  const text = `["${row.chain}",${row.seq},"${row.at}",${auditText({ ...row, detail: JSON.stringify(row.detail) })}]`;
  return createHash("sha256").update(Buffer.from(row.prev_hash, "hex")).update(text).digest("hex");
}

/** Goes through one chain in its order and says what is wrong with it. */
export class AuditCheck {
  readonly #heads: ReadonlyMap<number, AuditHead>;
  readonly #findings: AuditFinding[] = [];
  #seq = 0;
  #hash: string | undefined = NO_HASH;

  /** @param heads of this chain, as they were kept elsewhere: what was there then must still be there */
  constructor(heads: readonly AuditHead[] = []) {
    this.#heads = new Map(heads.map((head) => [head.seq, head]));
  }

  /** The number of the last row. */
  get seq(): number {
    return this.#seq;
  }

  /** The next row. @returns what is wrong with it */
  push(row: AuditRow): readonly AuditFinding[] {
    const before = this.#findings.length;
    if (row.seq <= this.#seq) this.#find(row.seq, "out_of_order", `comes after row ${this.#seq}`);
    else if (row.seq !== this.#seq + 1) this.#skipped(row);
    else if (row.prev_hash !== this.#hash) this.#find(row.seq, "unlinked", "does not follow from the row before it");
    if (auditHash(row) !== row.hash) this.#find(row.seq, "changed", "is not what was written");
    const head = this.#heads.get(row.seq);
    if (head !== undefined && head.hash !== row.hash) this.#find(row.seq, "rewritten", `is not the row that a head of ${head.at} names`);
    this.#seq = Math.max(this.#seq, row.seq);
    this.#hash = row.hash;
    return this.#findings.slice(before);
  }

  /** The chain is through. @param head what the database itself has as the end @returns all that is wrong */
  end(head: AuditHead | undefined): readonly AuditFinding[] {
    const heads = [...this.#heads.values(), ...(head === undefined ? [] : [head])];
    const cut = heads.filter(({ seq }) => seq > this.#seq).sort((a, b) => b.seq - a.seq)[0];
    if (cut !== undefined) this.#find(this.#seq + 1, "cut", `and all up to ${cut.seq} are gone: a head of ${cut.at} names them`);
    else if (head !== undefined && (head.seq !== this.#seq || (this.#seq > 0 && head.hash !== this.#hash)))
      this.#find(this.#seq, "rewritten", "is not the end that the database has noted");
    return this.#findings;
  }

  #skipped(row: AuditRow): void {
    const before = this.#heads.get(row.seq - 1);
    // Whoever lets old months go keeps the head of the last one: the chain begins there.
    if (this.#seq === 0 && before !== undefined) {
      if (before.hash !== row.prev_hash) this.#find(row.seq, "rewritten", `does not follow from the head of ${before.at}`);
      return;
    }
    this.#find(row.seq, "missing", this.#seq === 0 ? "is the first: what was before it is gone" : `follows row ${this.#seq}: what was between is gone`);
  }

  #find(seq: number, kind: AuditFinding["kind"], message: string): void {
    this.#findings.push({ seq, kind, message: `row ${seq} ${message}` });
  }
}
