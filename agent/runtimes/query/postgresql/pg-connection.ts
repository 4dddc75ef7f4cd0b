import { connect as connectSocket, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import pg from "pg";
import { messageOf } from "../../../../kernel/app-error.ts";
import { pinHost, type Reach } from "../address-guard.ts";
import { QueryError } from "../query-error.ts";
import type { ServerAddress } from "../server-address.ts";
import { tlsOptions } from "../tls-options.ts";

const CONNECT_LIMIT_MS = 10_000;
const CANCEL_LIMIT_MS = 1_000;
const CANCEL_TRIES = 4;
const CANCEL_PAUSE_MS = 300;
const NO_SSL = "The server does not support SSL connections";
/** So that times, intervals and bytes come in one form. Not start-up parameters: poolers refuse those. */
const SESSION = "set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'iso_8601'; set bytea_output = 'hex'";
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** A session with a server. */
export interface PgConnection {
  readonly client: pg.Client;
  readonly secure: boolean;
  /** The address that was checked. */
  readonly address: ServerAddress;
  /** What it is connected to. */
  readonly ip: string;
}

/** @throws QueryError named ConnectionError; its message never holds a password */
export async function openPgConnection(address: ServerAddress, reach: Reach, signal: AbortSignal): Promise<PgConnection> {
  const pinned = await pinHost(address.host, address.port, reach);
  let failure: unknown;
  for (const { address: ip } of pinned) {
    try {
      return await open(address, ip, address.sslmode !== "disable", signal);
    } catch (error) {
      failure = error;
      // Another address helps only where nobody answered.
      if (isRefusal(error) || signal.aborted) break;
    }
  }
  const code = codeOf(failure);
  throw new QueryError("ConnectionError", `cannot connect to PostgreSQL: ${messageOf(failure) || code}`, code === "" ? {} : { code });
}

/** Closes without waiting; never throws. */
export function closePgConnection({ client }: PgConnection): void {
  client.end().catch(() => undefined);
  client.connection.stream.destroy();
}

/** Makes the session as new, for the next job. Rejects when it cannot be. */
export async function resetPgConnection({ client }: PgConnection): Promise<void> {
  await client.query("discard all");
  await client.query(SESSION);
}

/**
 * Asks the server to stop what the session does until it is over, then closes the session. One request may come before the query that it is
 * meant for, and would be forgotten. Never rejects.
 */
export async function cancelPgQuery(connection: PgConnection, isOver: () => boolean): Promise<void> {
  for (let tries = 0; tries < CANCEL_TRIES && !isOver(); tries++) {
    await requestCancel(connection);
    await sleep(CANCEL_PAUSE_MS, undefined, { ref: false });
  }
  if (!isOver()) closePgConnection(connection);
}

/** On a connection of its own, as the protocol wants it. */
async function requestCancel(connection: PgConnection): Promise<void> {
  const pid: unknown = Reflect.get(connection.client, "processID");
  const secret: unknown = Reflect.get(connection.client, "secretKey");
  if (typeof pid !== "number" || typeof secret !== "number") return;
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(80_877_102, 4);
  message.writeInt32BE(pid, 8);
  message.writeInt32BE(secret, 12);
  await new Promise<void>((resolve) => {
    const socket = connectSocket({ host: connection.ip, port: connection.address.port, timeout: CANCEL_LIMIT_MS });
    socket.on("timeout", () => socket.destroy());
    socket.on("error", () => undefined);
    socket.on("close", () => resolve());
    socket.once("connect", () => sendCancel(connection, socket, message));
  });
}

function sendCancel(connection: PgConnection, socket: Socket, message: Buffer): void {
  if (!connection.secure) {
    socket.end(message);
    return;
  }
  socket.write(SSL_REQUEST);
  socket.once("data", () => {
    const secure = connectTls({ ...tlsOptions(connection.address), socket });
    secure.on("error", () => socket.destroy());
    secure.once("secureConnect", () => secure.end(message));
  });
}

async function open(address: ServerAddress, ip: string, secure: boolean, signal: AbortSignal): Promise<PgConnection> {
  signal.throwIfAborted();
  const client = new pg.Client({
    host: ip,
    port: address.port,
    user: address.user || "postgres",
    password: address.password,
    database: address.dbname || address.user || "postgres",
    ssl: secure ? (tlsOptions(address) ?? false) : false,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    keepAlive: true,
    fallback_application_name: "millrace",
  });
  // Also emitted when an idle session is ended by the server.
  client.on("error", () => undefined);
  const stop = (): void => void client.connection.stream.destroy();
  signal.addEventListener("abort", stop, { once: true });
  try {
    await client.connect();
    await client.query(SESSION);
    return { client, secure, address, ip };
  } catch (error) {
    client.connection.stream.destroy();
    if (secure && address.sslmode === "prefer" && messageOf(error) === NO_SSL && !signal.aborted) return await open(address, ip, false, signal);
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

/** The server itself said no. */
function isRefusal(error: unknown): boolean {
  return error instanceof pg.DatabaseError || messageOf(error) === NO_SSL;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
