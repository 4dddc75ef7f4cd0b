import pg from "pg";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { backoffMs } from "../../kernel/backoff.ts";
import { LeanQuery, type LeanStatement } from "../db/lean-query.ts";
import type { EventNote } from "./event-notes.ts";
import { FORMS, type Form } from "./family-sql.ts";
import { encodeFlush } from "./flush-codec.ts";
import { type FlushOperation, type FlushOutcome, LANES } from "./model.ts";
import { FAMILIES, type Family, flushStatement, HOT_SETTINGS, OPEN_PROGRESS, parameterTypes, READ_PROGRESS } from "./statements.ts";

/** What one flush did. `gone` holds `family/id` of the operations that found no row. `lost`: the lease is no longer ours, nothing was done. */
export type FlushResult = { readonly kind: "committed"; readonly gone: ReadonlySet<string> } | { readonly kind: "lost" };

export interface FlushLog {
  warn(fields: Record<string, unknown>, message: string): void;
}

export interface FlushOwner {
  readonly replicaId: string;
  readonly epoch: number;
}

/** What most flushes are of, alone and together. */
const USUAL: readonly Family[] = ["direct", "pending", "claim", "finish"];

/** What the small flushes of flows are of: a run begins, a step follows upon another, a loop opens, an iteration ends, a run ends. */
export const FLUSHES_OF_FLOWS: readonly (readonly Family[])[] = [
  ["direct", "special_direct", "flow_event"],
  ["special_direct", "finish", "flow_event"],
  ["finish", "flow_event"],
  ["direct", "special_direct", "flow_event", "flow_item"],
  ["special_direct", "finish", "flow_event", "flow_item"],
  ["finish", "flow_event", "flow_item"],
  ["special_direct", "flow_event"],
  ["special_pending", "flow_event"],
];

interface Shape {
  readonly lane: number;
  readonly families: readonly Family[];
  readonly form: Form;
}

/** One run of a statement. */
interface Run extends LeanStatement {
  readonly values: (string | null)[];
}

/** A parameter of a flush without rows. */
const NOTHING: Readonly<Record<Form, string | null>> = { one: null, many: "{}" };

/** Beyond the server's own statement timeout: then it is the way to the server that is broken, not the statement. */
const ANSWER_WITHIN_MS = 12_000;

/**
 * One hot connection. It runs flushes one at a time and hides lost connections: a flush whose outcome is unknown is looked
 * up in the connection's progress row, after the old backend has certainly ended, and run again only when it is not there.
 */
export class FlushConnection {
  readonly #url: string;
  readonly #owner: FlushOwner;
  readonly #number: number;
  readonly #log: FlushLog;
  readonly #alsoUsual: readonly (readonly Family[])[];
  /** Statements by name: at most two per lane and set of families. */
  readonly #texts = new Map<string, string>();
  /** Usual statements that this backend has not seen yet. */
  #cold = new Map<string, Shape>();
  #client: pg.Client | undefined;
  #backend: { pid: number; started: string } | undefined;
  #seq = 0;
  /** Fails the flush that is under way. */
  #giveUp: ((error: Error) => void) | undefined;
  /** One for all flushes, which set it back: a timer for each would be made and thrown away thousands of times a second. */
  readonly #patience = setTimeout(() => this.#giveUp?.(new Error(`no answer within ${ANSWER_WITHIN_MS} ms`)), ANSWER_WITHIN_MS).unref();
  #stopped = false;
  #wake: (() => void) | undefined;

  /** @param alsoUsual sets of families, in the order of FAMILIES, whose statements are made ready too */
  constructor(url: string, owner: FlushOwner, number: number, log: FlushLog, alsoUsual: readonly (readonly Family[])[] = []) {
    this.#url = url;
    this.#owner = owner;
    this.#number = number;
    this.#log = log;
    this.#alsoUsual = alsoUsual;
  }

  /** Opens the connection. Errors: those of pg when Postgres cannot be reached now. */
  async open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: "millrace/hot",
      options: HOT_SETTINGS,
      keepAlive: true,
      connectionTimeoutMillis: 5000,
    });
    // Without a listener a broken idle connection would end the process; the next flush notices and reconnects.
    client.on("error", () => this.#drop(client));
    client.on("end", () => this.#drop(client));
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number; started: string }>(
        bounded("SELECT pid, backend_start::text AS started FROM pg_stat_activity WHERE pid = pg_backend_pid()"),
      );
      await client.query(bounded(OPEN_PROGRESS, [this.#owner.epoch, this.#number]));
      this.#backend = rows[0];
      this.#client = client;
      this.#cold = usualShapes(this.#alsoUsual);
    } catch (error) {
      client.end().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Runs one flush until its outcome is known, for as long as that takes.
   * @param notes are written with it
   * Errors: the database's own refusal of the data (nothing was written); `unavailable` after `close`.
   */
  async run(lane: number, operations: readonly FlushOperation[], notes?: readonly EventNote[]): Promise<FlushResult> {
    const { families, form, values } = encodeFlush(operations, notes);
    const query = this.#query({ lane, families, form }, values);
    for (let attempt = 0; ; attempt++) {
      if (this.#stopped) throw new AppError("unavailable", "the control plane is shutting down");
      try {
        const gone = await this.#ask(await this.#connected(), query);
        return gone === undefined ? { kind: "lost" } : { kind: "committed", gone: new Set(gone) };
      } catch (error) {
        if (this.#stopped || isRefusal(error)) throw error;
        this.#log.warn({ event: "flush.retry", lane, size: operations.length, attempt, error: messageOf(error) }, "flush failed, will be retried");
        const committed = isRolledBack(error) && this.#client !== undefined ? undefined : await this.#lookUp();
        if (committed !== undefined) return committed;
        await this.#pause(backoffMs(attempt, 50, 1000, Math.random()));
      }
    }
  }

  /**
   * Runs one usual statement that this backend has not seen yet, with nothing in it. The first run of a statement takes Postgres several times as
   * long as later ones: better now than when there is much to do. To be called while no flush is under way; never rejects.
   * @returns false when there is none left
   */
  async warm(): Promise<boolean> {
    const [next] = this.#cold.values();
    if (next === undefined || this.#client === undefined) return false;
    const query = this.#query(
      next,
      next.families.flatMap((family) => parameterTypes(family).map(() => NOTHING[next.form])),
    );
    // What is wrong with the connection is for the next flush to find.
    await this.#ask(this.#client, query).catch(() => undefined);
    return true;
  }

  #query(shape: Shape, values: readonly (string | null)[]): Run {
    const name = nameOf(shape);
    const text = this.#texts.get(name) ?? flushStatement(shape.lane, shape.families, shape.form);
    this.#texts.set(name, text);
    this.#cold.delete(name);
    const { replicaId, epoch } = this.#owner;
    this.#seq += 1;
    return { name, text, values: [replicaId, String(epoch), String(this.#number), String(this.#seq), ...values] };
  }

  /** Closes the connection; a flush that waits for Postgres to come back fails with `unavailable`. */
  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#patience);
    this.#wake?.();
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  /** @returns `family/id` of the operations that found no row; undefined when the lease is lost. Errors: those of pg; no answer in time. */
  async #ask(client: pg.Client, run: Run): Promise<readonly string[] | undefined> {
    this.#patience.refresh();
    const gone = await new Promise<string | null | undefined>((resolve, reject) => {
      this.#giveUp = reject;
      client.query(new LeanQuery(run, run.values, { with: resolve, failed: reject }));
    });
    return gone === undefined ? undefined : namesIn(gone ?? "{}");
  }

  async #connected(): Promise<pg.Client> {
    if (this.#client === undefined) await this.open();
    if (this.#client === undefined) throw new AppError("unavailable", "no connection to Postgres");
    return this.#client;
  }

  #drop(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined;
  }

  /** What became of the flush that was under way when the connection broke. Undefined: it was not committed, and never will be. */
  async #lookUp(): Promise<FlushResult | undefined> {
    const before = this.#backend;
    for (let attempt = 0; !this.#stopped; attempt++) {
      try {
        this.#client?.end().catch(() => undefined);
        this.#client = undefined;
        const client = await this.#connected();
        // The old backend may still be at work on the statement: it must be gone before our look, or it could commit after it.
        if (before !== undefined && !(await hasEnded(client, before))) throw new Error(`backend ${before.pid} has not ended yet`);
        const { rows } = await client.query<{ seq: number; gone: string[] }>(bounded(READ_PROGRESS, [this.#owner.epoch, this.#number]));
        return rows[0]?.seq === this.#seq ? { kind: "committed", gone: new Set(rows[0].gone) } : undefined;
      } catch (error) {
        this.#log.warn({ event: "flush.look_up", attempt, error: messageOf(error) }, "the outcome of a flush is not known yet");
        await this.#pause(backoffMs(attempt, 50, 1000, Math.random()));
      }
    }
    return undefined;
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

/** Postgres cuts names off after 63 characters: the families are a number, a bit for each. */
function nameOf({ lane, families, form }: Shape): string {
  const set = families.reduce((bits, family) => bits | (1 << FAMILIES.indexOf(family)), 0);
  return `flush_${form}_${lane}_${set.toString(36)}`;
}

/** Each takes a backend about 240 KB: three kinds of operations and just one of each is not usual. */
function usualShapes(also: readonly (readonly Family[])[]): Map<string, Shape> {
  const usual = Array.from({ length: 2 ** USUAL.length - 1 }, (_, at) => USUAL.filter((_family, bit) => ((at + 1) & (1 << bit)) !== 0));
  const sets: Readonly<Record<Form, readonly (readonly Family[])[]>> = {
    one: [...usual.filter(({ length }) => length < 3), ...also],
    many: [...usual, ...also],
  };
  const ofLane = (lane: number): Shape[] => FORMS.flatMap((form) => sets[form].map((families) => ({ lane, families, form })));
  const shapes = Array.from({ length: LANES }, (_, lane) => ofLane(lane)).flat();
  return new Map(shapes.map((shape) => [nameOf(shape), shape]));
}

/** Ends a backend of ours. Process numbers come again: the start time makes sure that it is the one. @returns true when it is gone */
async function hasEnded(client: pg.Client, backend: { pid: number; started: string }): Promise<boolean> {
  const terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2::timestamptz";
  const { rowCount } = await client.query(bounded(terminate, [backend.pid, backend.started]));
  return rowCount === 0;
}

/** Data that the database does not take, or a statement that it does not understand: trying again would not help. Everything else may pass. */
const REFUSALS = /^(22|23|42|54|0A)/;

function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code !== undefined && REFUSALS.test(error.code);
}

/**
 * What Postgres reports as a mere error has rolled the flush back. After silence, or with what ends the backend or the server (a commit that could not be
 * made safe), its outcome is unknown. Servers that speak another language are asked once more than needed.
 */
function isRolledBack(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.severity === "ERROR";
}

export function outcomeOfOperation(operation: FlushOperation, gone: ReadonlySet<string>): FlushOutcome {
  return gone.size > 0 && gone.has(`${operation.kind}/${operation.job.id}`) ? "gone" : "moved";
}

/** Elements of an array in Postgres's text form. They are names and ids: none of them is quoted. */
function namesIn(text: string): readonly string[] {
  return text === "{}" ? [] : text.slice(1, -1).split(",");
}

/** A query that fails when no answer to it comes: an option of pg that its types leave out. */
function bounded(text: string, values: unknown[] = []): pg.QueryConfig & { readonly query_timeout: number } {
  return { text, values, query_timeout: ANSWER_WITHIN_MS };
}
