import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../control-plane/db/embedded.ts";
import type { Scope } from "./scope.ts";

const quiet = {
  info: () => undefined,
  warn: () => undefined,
  error: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};

const PREFIX = "millrace-load-";

/** A folder that goes with the scope. Postgres and sandboxes run under other users: it is open to them. */
export function temporaryFolder(scope: Scope): string {
  removeOrphans();
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  chmodSync(folder, 0o755);
  scope.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }));
  return folder;
}

/** Folders of runs that were killed and could not remove them: each has the process id of its run in its name. */
function removeOrphans(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** A new server with the settings that the product gives its own, durable commits among them. */
export async function startPostgres(scope: Scope, folder: string, settings: Readonly<Record<string, string>> = {}): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ stateDir: folder, log: quiet, settings });
  scope.defer(() => postgres.stop());
  return postgres;
}

/** A connection that goes with the scope. */
export async function connect(scope: Scope, url: string, database?: string): Promise<pg.Client> {
  const address = new URL(url);
  if (database !== undefined) address.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: address.href, application_name: "loadtest" });
  client.on("error", () => undefined);
  await client.connect();
  scope.defer(() => client.end());
  return client;
}
