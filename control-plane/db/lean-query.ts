import type pg from "pg";

/** What pg's connection has on top of its types: statements that the server has, and those that are on their way to it, by name. */
interface Link extends pg.Connection {
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Record<string, string>;
}

interface DataRow {
  readonly fields: readonly (string | null)[];
}

export interface LeanStatement {
  readonly name: string;
  readonly text: string;
}

/** What becomes of a query. */
export interface Answered {
  /** @param text first column of the last row; undefined when there was no row, null for NULL */
  readonly with: (text: string | null | undefined) => void;
  readonly failed: (error: Error) => void;
}

/**
 * One run of a named statement whose answer is a row of one column or none, as pg's client drives a query: the least that the protocol takes. pg's own
 * query asks for the columns of the answer each time, copies its configuration, and makes an object of each row with their names. This one is for the
 * statement that stands between every job and its agent (docs/decisions/0202). What pg's client calls is what pg-cursor and pg-query-stream build
 * upon, too. Not to be used on a client with pg's `query_timeout`, which puts a function into `callback`.
 */
export class LeanQuery implements pg.Submittable {
  readonly name: string;
  readonly text: string;
  readonly #values: (string | null)[];
  readonly #answered: Answered;
  #answer: string | null | undefined;

  /** @param values texts of the parameters; null for NULL */
  constructor({ name, text }: LeanStatement, values: (string | null)[], answered: Answered) {
    this.name = name;
    this.text = text;
    this.#values = values;
    this.#answered = answered;
  }

  submit(connection: pg.Connection): void {
    const link = connection as Link;
    const { name, text } = this;
    // One write for all messages.
    link.stream.cork();
    try {
      if (link.parsedStatements[name] === undefined && link.submittedNamedStatements[name] === undefined) {
        link.parse({ name, text, types: [] }, true);
        link.submittedNamedStatements[name] = text;
      }
      link.bind({ portal: "", statement: name, values: this.#values }, true);
      link.execute({ portal: "" }, true);
      link.sync();
    } finally {
      link.stream.uncork();
    }
  }

  handleDataRow({ fields: [text] }: DataRow): void {
    this.#answer = text;
  }

  handleCommandComplete(): void {
    // Whether there was a row says everything.
  }

  handleReadyForQuery(): void {
    this.#answered.with(this.#answer);
  }

  /** The server waits for the next message after an error: the end of this query was sent with it. */
  handleError(error: Error): void {
    this.#answered.failed(error);
  }
}
