import type pg from "pg";

/** What pg's connection has on top of its types: statements that the server has, and those that are on their way to it, by name. */
interface Link extends pg.Connection {
  readonly stream: pg.Connection["stream"];
  readonly parsedStatements: Readonly<Record<string, string>>;
  readonly submittedNamedStatements: Record<string, string>;
}

interface DataRow {
  readonly fields: readonly (string | null)[];
}

export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What becomes of a query. */
export interface Answered {
  /** @param gone of its row; undefined when there was none */
  readonly with: (gone: readonly string[] | undefined) => void;
  readonly failed: (error: Error) => void;
}

/**
 * One run of the hot statement, as pg's client drives a query: the least that its protocol takes. pg's own query asks for the columns of the answer
 * each time, copies its configuration, and makes an object of the row with their names; here they are known. It stands between each job and its
 * agent, and under load between each batch and the next. What pg's client calls is what pg-cursor and pg-query-stream build upon, too.
 * It must not be used with pg's `query_timeout`, which assigns a function literal to it: that would keep it and its values (docs/decisions/0200).
 */
export class FlushQuery implements pg.Submittable {
  readonly name: string;
  readonly text: string;
  readonly #values: string[];
  readonly #answered: Answered;
  #gone: readonly string[] | undefined;

  /** @param values texts of the parameters */
  constructor({ name, text }: Statement, values: string[], answered: Answered) {
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

  /** The elements of the array are names and ids: none of them is quoted. */
  handleDataRow({ fields: [gone = null] }: DataRow): void {
    this.#gone = gone === null || gone === "{}" ? [] : gone.slice(1, -1).split(",");
  }

  /** Whether there was a row says everything. */
  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#answered.with(this.#gone);
  }

  /** After it the server waits for the next message: the end of this query was sent with it. */
  handleError(error: Error): void {
    this.#answered.failed(error);
  }
}
