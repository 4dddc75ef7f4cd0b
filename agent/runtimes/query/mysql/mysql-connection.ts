import { connect as connectSocket, isIP } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import mysql, { type Connection, type SslOptions } from "mysql2";
import { messageOf } from "../../../../kernel/app-error.ts";
import { type PinnedAddress, pinHost, pinnedLookup, type Reach } from "../address-guard.ts";
import { QueryError } from "../query-error.ts";
import type { ServerAddress } from "../server-address.ts";

const CONNECT_LIMIT_MS = 10_000;
const CANCEL_LIMIT_MS = 1_000;
/** A server looks now and then whether a query was killed; one that had not begun yet was not. */
const KILLED_WITHIN_MS = 500;
const NO_TLS = "HANDSHAKE_NO_SSL_SUPPORT";
const MAX_PREPARED = 50;

export interface MysqlConnection {
  readonly connection: Connection;
  readonly address: ServerAddress;
  readonly pinned: readonly PinnedAddress[];
}

/** @throws QueryError named ConnectionError; its message never holds a password */
export async function openMysqlConnection(address: ServerAddress, reach: Reach, signal: AbortSignal): Promise<MysqlConnection> {
  const pinned = await pinHost(address.host, address.port, reach);
  try {
    return await openPinned(address, pinned, signal);
  } catch (error) {
    const code = codeOf(error);
    throw new QueryError("ConnectionError", `cannot connect to MySQL: ${messageOf(error) || code}`, code === "" ? {} : { code });
  }
}

export function closeMysqlConnection({ connection }: MysqlConnection): void {
  connection.destroy();
}

/** Makes the session as new, for the next job. Rejects when it cannot be. */
export async function resetMysqlConnection({ connection }: MysqlConnection): Promise<void> {
  await new Promise<void>((resolve, reject) => connection.reset((error) => (error === null || error === undefined ? resolve() : reject(error))));
  await command(connection, "set time_zone = '+00:00'");
}

/**
 * Asks the server to stop the query, then, when that was not heard, to end the session. Never rejects.
 * @param isOver whether the query has come back
 */
export async function cancelMysqlQuery(cancelled: MysqlConnection, isOver: () => boolean): Promise<void> {
  const id = Number(cancelled.connection.threadId);
  if (!Number.isSafeInteger(id) || id <= 0) return;
  try {
    const other = await openPinned(cancelled.address, cancelled.pinned, AbortSignal.timeout(CANCEL_LIMIT_MS));
    await command(other.connection, `kill query ${id}`);
    await sleep(KILLED_WITHIN_MS, undefined, { ref: false });
    if (!isOver()) await command(other.connection, `kill ${id}`);
    other.connection.destroy();
  } catch {
    // The server cannot be reached: closing the session is all that is left, and follows.
  }
}

async function openPinned(address: ServerAddress, pinned: readonly PinnedAddress[], signal: AbortSignal): Promise<MysqlConnection> {
  const ssl = sslOf(address);
  try {
    return { connection: await open(address, pinned, ssl, signal), address, pinned };
  } catch (error) {
    if (ssl === undefined || address.sslmode !== "prefer" || codeOf(error) !== NO_TLS || signal.aborted) throw error;
    return { connection: await open(address, pinned, undefined, signal), address, pinned };
  }
}

async function open(address: ServerAddress, pinned: readonly PinnedAddress[], ssl: SslOptions | undefined, signal: AbortSignal): Promise<Connection> {
  signal.throwIfAborted();
  const socket = connectSocket({ host: address.host, port: address.port, lookup: pinnedLookup(pinned), keepAlive: true, noDelay: true });
  const connection = mysql.createConnection({
    // For the check of the certificate; the connection itself is made above.
    host: address.host,
    stream: socket,
    user: address.user || "root",
    password: address.password,
    ...(address.dbname === "" ? {} : { database: address.dbname }),
    connectTimeout: CONNECT_LIMIT_MS,
    charset: "utf8mb4",
    // The server may ask for any file of ours otherwise.
    flags: ["-LOCAL_FILES"],
    multipleStatements: false,
    // Column names come from the server and would be put into code.
    disableEval: true,
    maxPreparedStatements: MAX_PREPARED,
    supportBigNumbers: true,
    bigNumberStrings: true,
    dateStrings: true,
    jsonStrings: true,
    rowsAsArray: true,
    timezone: "Z",
    ...(ssl === undefined ? {} : { ssl }),
  });
  const stop = (): void => void socket.destroy(new Error("stopped"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      connection.once("error", reject);
      connection.connect((error) => (error === null || error === undefined ? resolve() : reject(error)));
    });
    // Also emitted when an idle session is ended by the server.
    connection.on("error", () => undefined);
    await command(connection, "set time_zone = '+00:00'");
    return connection;
  } catch (error) {
    connection.on("error", () => undefined);
    connection.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function sslOf({ sslmode, rootCertificatePem: ca, host }: ServerAddress): SslOptions | undefined {
  if (sslmode === "disable") return undefined;
  const trust = ca === "" ? {} : { ca };
  if (sslmode === "verify-full") {
    if (isIP(host) !== 0) throw new QueryError("ConnectionError", "verify-full needs the name of the host, not its address", { code: "verify_full" });
    return { ...trust, rejectUnauthorized: true, verifyIdentity: true };
  }
  return { ...trust, rejectUnauthorized: sslmode === "verify-ca" || (sslmode === "require" && ca !== "") };
}

/** A constant of ours, for its effect. */
function command(connection: Connection, sql: string): Promise<void> {
  return new Promise((resolve, reject) => connection.query(sql, (error) => (error === null ? resolve() : reject(error))));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
