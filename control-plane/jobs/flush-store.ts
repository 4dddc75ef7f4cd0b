import pg from "pg";
import { AppError, isLostConnection, messageOf } from "../../kernel/app-error.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import { encodeFlush } from "./flush-codec.ts";
import type { FlushOperation, FlushOutcome } from "./model.ts";
import { flushStatement, HOT_SETTINGS, WITNESS } from "./statements.ts";

/** What one flush did. `lost`: the lease is no longer ours, nothing was done. */
export type FlushResult = { readonly kind: "committed"; readonly gone: ReadonlySet<string> } | { readonly kind: "lost" };

export interface FlushLog {
  warn(fields: Record<string, unknown>, message: string): void;
}

/** Beyond the server's own statement timeout: then it is the way to the server that is broken, not the statement. */
const ANSWER_WITHIN_MS = 12_000;

interface FlushRow {
  own: boolean;
  /** Ids of operations that found no row to move. */
  gone: string[];
}

/**
 * One hot connection. It runs flushes one at a time and hides lost connections: a flush whose outcome is unknown is
 * looked up by a witness row and run again only when it was not committed, after the old backend has certainly ended.
 */
export class FlushConnection {
  readonly #url: string;
  readonly #owner: { readonly replicaId: string; readonly epoch: number };
  readonly #log: FlushLog;
  /** Statements by name: at most one per lane and set of families. */
  readonly #texts = new Map<string, string>();
  #client: pg.Client | undefined;
  #backendPid: number | undefined;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(url: string, owner: { replicaId: string; epoch: number }, log: FlushLog) {
    this.#url = url;
    this.#owner = owner;
    this.#log = log;
  }

  /** Opens the connection. Errors: unavailable when Postgres cannot be reached now. */
  async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: "millrace/hot",
      options: HOT_SETTINGS,
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      query_timeout: ANSWER_WITHIN_MS,
    });
    // Without a listener a broken idle connection would end the process; the next flush notices and reconnects.
    client.on("error", () => this.#drop(client));
    client.on("end", () => this.#drop(client));
    await client.connect();
    const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
    this.#backendPid = rows[0]?.pid;
    this.#client = client;
  }

  /**
   * Runs one flush until its outcome is known, for as long as that takes.
   * Errors: the database's own refusal of the statement (nothing was written); `unavailable` after `close`.
   */
  async run(lane: number, operations: readonly FlushOperation[]): Promise<FlushResult> {
    for (let attempt = 0; ; attempt++) {
      if (this.#stopped) throw new AppError("unavailable", "the control plane is shutting down");
      try {
        const client = await this.#connected();
        return await this.#execute(client, lane, operations);
      } catch (error) {
        if (this.#stopped || !isTransient(error)) throw error;
        this.#log.warn({ event: "flush.retry", lane, size: operations.length, attempt, error: messageOf(error) }, "flush failed, will be retried");
        if (isLostConnection(error) && (await this.#wasCommitted(operations))) return { kind: "committed", gone: new Set() };
        await this.#pause(backoffMs(attempt, 50, 1000, Math.random()));
      }
    }
  }

  /** Closes the connection; a flush that waits for Postgres to come back fails with `unavailable`. */
  async close(): Promise<void> {
    this.#stopped = true;
    this.#wake?.();
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #execute(client: pg.Client, lane: number, operations: readonly FlushOperation[]): Promise<FlushResult> {
    const { families, values } = encodeFlush(this.#owner.replicaId, this.#owner.epoch, operations);
    const name = `flush_${lane}_${families.join("_")}`;
    const text = this.#texts.get(name) ?? flushStatement(lane, families);
    this.#texts.set(name, text);
    const { rows } = await client.query<FlushRow>({ name, text, values: [...values] });
    const row = rows[0];
    if (row === undefined || !row.own) return { kind: "lost" };
    return { kind: "committed", gone: new Set(row.gone) };
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client === undefined) await this.open();
    if (this.#client === undefined) throw new AppError("unavailable", "no connection to Postgres");
    return this.#client;
  }

  #drop(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined;
  }

  /** Only called after the connection broke. Returns once the outcome is certain or the connection is closed for good. */
  async #wasCommitted(operations: readonly FlushOperation[]): Promise<boolean> {
    const lostBackend = this.#backendPid;
    for (let attempt = 0; !this.#stopped; attempt++) {
      try {
        this.#client?.end().catch(() => undefined);
        this.#client = undefined;
        const client = await this.#connected();
        // The old backend may still be at work on the statement: end it first, so that it cannot commit after our look.
        if (lostBackend !== undefined) {
          await client.query(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid = $1 AND application_name = 'millrace/hot' AND pid <> pg_backend_pid()",
            [lostBackend],
          );
        }
        return await hasWitness(client, operations);
      } catch (error) {
        if (!isTransient(error)) throw error;
        await this.#pause(backoffMs(attempt, 50, 1000, Math.random()));
      }
    }
    return false;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Lost connections, shutdowns, deadlocks, lock and statement timeouts: nothing was done, or it can be looked up. */
const TRANSIENT_STATES = new Set(["40001", "40P01", "55P03", "57014", "53100", "53200", "25006"]);

function isTransient(error: unknown): boolean {
  if (isLostConnection(error)) return true;
  return error instanceof pg.DatabaseError && error.code !== undefined && TRANSIENT_STATES.has(error.code);
}

const WITNESS_ORDER = ["finish", "insert", "cancel", "claim", "requeue"] as const;

async function hasWitness(client: pg.Client, operations: readonly FlushOperation[]): Promise<boolean> {
  for (const kind of WITNESS_ORDER) {
    const operation = operations.find((candidate) => candidate.kind === kind);
    if (operation === undefined) continue;
    const values: string[] = [operation.job.workspace, operation.job.id];
    if (operation.kind === "claim") values.push(operation.token);
    if (operation.kind === "finish") values.push(operation.end.token);
    const { rowCount } = await client.query(WITNESS[kind], values);
    return rowCount === 1;
  }
  return false;
}

export function outcomeOfOperation(operation: FlushOperation, gone: ReadonlySet<string>): FlushOutcome {
  return operation.kind !== "insert" && gone.has(operation.job.id) ? "gone" : "moved";
}
