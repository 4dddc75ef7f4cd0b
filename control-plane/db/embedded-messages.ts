import type { ErrorCode } from "../../kernel/app-error.ts";

/** What the supervisor is told at its start, as JSON in its first argument. Holds no secrets: that is visible to every user. */
export interface SupervisorConfig {
  /** Folder of everything that belongs to this server: data, log, password, lock. */
  readonly folder: string;
  /** Folder that may be removed at the end (a test's); undefined for data that stays. */
  readonly disposable: boolean;
  /** Settings of the server, by name. */
  readonly settings: Readonly<Record<string, string>>;
  /** The socket folder and port that clients were already told; undefined at the first start. */
  readonly address: ServerAddress | undefined;
}

/** Where the server listens: always on a socket in the folder, and on 127.0.0.1 when the port is free. */
export interface ServerAddress {
  readonly socketFolder: string;
  readonly port: number;
}

export type SupervisorMessage =
  | { readonly kind: "ready"; readonly address: ServerAddress; readonly postmasterPid: number }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: "log"; readonly level: "info" | "warn" | "error"; readonly event: string; readonly message: string };

/** Name of the superuser and of the database that the control plane uses. */
export const DATABASE_USER = "millrace";
export const DATABASE_NAME = "millrace";

/** The files in a server's folder. */
export const filesIn = (folder: string) => ({
  data: `${folder}/data`,
  log: `${folder}/postgres.log`,
  lock: `${folder}/supervisor.lock`,
  password: `${folder}/password`,
  port: `${folder}/port`,
  binaries: `${folder}/binaries`,
});

/** Address for `pg` and for tools: they reach the socket by the `host` parameter, others use TCP with the same password. */
export function databaseUrl(address: ServerAddress, password: string, database: string = DATABASE_NAME): string {
  return `postgres://${DATABASE_USER}:${password}@localhost:${address.port}/${database}?host=${encodeURIComponent(address.socketFolder)}`;
}
