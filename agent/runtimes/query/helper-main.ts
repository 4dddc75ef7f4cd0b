// A query helper: runs queries one after the other, or side by side where drivers do not block, as the agent asks over descriptor 8. It is
// enclosed like a job, belongs to one workspace, and ends with its socket. See `query-helper.ts`.
import { readdirSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { messageOf } from "../../../kernel/app-error.ts";
import { encodeFrame, readFrames } from "./frames.ts";
import { asToHelper, EXIT_OUT_OF_MEMORY, type HelperKind, type QueryJob, type QueryLanguage, type ToAgent } from "./messages-codec.ts";
import { HELPER_TMP, type RunQuery } from "./query-context.ts";
import { QueryError } from "./query-error.ts";

const CHANNEL_FD = 8;
const LOOK_AT_MEMORY_MS = 100;
const MAX_RSS_BYTES: Readonly<Record<HelperKind, number>> = { network: 768 * 1024 * 1024, sqlite: 768 * 1024 * 1024, duckdb: 1_536 * 1024 * 1024 };
/** Less than the agent waits. */
const GIVEN_UP_MS = 2_000;
const MAX_REQUEST_BYTES = 64 * 1024 * 1024;
const MAX_MESSAGE_CHARS = 4_000;

/** Loaded when they are first used: a helper pays for its own driver only. */
const DRIVERS: Readonly<Record<QueryLanguage, () => Promise<RunQuery>>> = {
  postgresql: async () => (await import("./postgresql/run-postgresql.ts")).runPostgresql,
  mysql: async () => (await import("./mysql/run-mysql.ts")).runMysql,
  sqlite: async () => (await import("./sqlite/run-sqlite.ts")).runSqlite,
  duckdb: async () => (await import("./duckdb/run-duckdb.ts")).runDuckdb,
  graphql: async () => (await import("./http/run-graphql.ts")).runGraphql,
  http: async () => (await import("./http/run-http.ts")).runHttp,
};

const kind: HelperKind = process.argv[2] === "sqlite" || process.argv[2] === "duckdb" ? process.argv[2] : "network";
const channel = new Socket({ fd: CHANNEL_FD, readable: true, writable: true });
const running = new Map<number, AbortController>();

function send(message: ToAgent, body = ""): void {
  channel.write(encodeFrame(message, body));
}

async function serve(id: number, job: QueryJob): Promise<void> {
  const abort = new AbortController();
  running.set(id, abort);
  try {
    const run = await DRIVERS[job.language]();
    // It may have been aborted while the driver was loaded.
    abort.signal.throwIfAborted();
    const work = run(job, { signal: abort.signal, say: (text) => send({ kind: "say", id, text: text.slice(0, MAX_MESSAGE_CHARS) }) });
    const json = await (kind === "network" ? Promise.race([work, givenUp(abort.signal)]) : work);
    if (Buffer.byteLength(json) > job.resultMaxBytes) throw new QueryError("ResultTooLarge", "the result is too large");
    send({ kind: "result", id, rssBytes: process.memoryUsage.rss() }, json);
  } catch (error) {
    sendError(id, error instanceof QueryError ? error : new QueryError("QueryError", messageOf(error)));
  }
  running.delete(id);
  if (kind !== "network") clearTmp();
}

/**
 * Rejects when what was aborted has had its time: a server that does not answer, a name that does not resolve. Others work in this process,
 * which must not be ended for it.
 */
function givenUp(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const giveUp = (): void => reject(new QueryError("QueryError", "the query was given up"));
    const begin = (): void => void setTimeout(giveUp, GIVEN_UP_MS).unref();
    if (signal.aborted) begin();
    else signal.addEventListener("abort", begin, { once: true });
  });
}

function sendError(id: number, error: QueryError): void {
  const { line, code, hint, detail, json } = error.details;
  const message = error.message.slice(0, MAX_MESSAGE_CHARS);
  const fields = JSON.stringify({ name: error.name, message, code, line, hint, detail: detail?.slice(0, MAX_MESSAGE_CHARS) });
  const more = [...(json ?? [])].map(([name, text]) => `,${JSON.stringify(name)}:${text}`).join("");
  send({ kind: "error", id, rssBytes: process.memoryUsage.rss(), name: error.name, message, line: line ?? 0 }, `{"error":${fields.slice(0, -1)}${more}}}`);
}

/** A job finds nothing of the one before. Only ever the folder that was made for this helper. */
function clearTmp(): void {
  const tmp = process.env[HELPER_TMP];
  if (tmp === undefined || tmp === "") return;
  for (const name of readdirSync(tmp)) rmSync(join(tmp, name), { recursive: true, force: true });
}

const leave = (): void => process.exit(0);
readFrames(
  channel,
  MAX_REQUEST_BYTES,
  ({ header }) => {
    const message = asToHelper(header);
    if (message?.kind === "run") void serve(message.id, message.job);
    else if (message?.kind === "cancel") running.get(message.id)?.abort();
  },
  leave,
);
setInterval(() => {
  if (process.memoryUsage.rss() > MAX_RSS_BYTES[kind]) process.exit(EXIT_OUT_OF_MEMORY);
}, LOOK_AT_MEMORY_MS).unref();
send({ kind: "ready" });
