import { AppError, messageOf } from "../kernel/app-error.ts";
import type { Config } from "./config.ts";
import { startEmbeddedPostgres } from "./db/embedded.ts";
import { migrate } from "./db/migrate.ts";
import type { Announce } from "./db/online-index.ts";
import type { Log } from "./telemetry/log.ts";

/**
 * Finds or starts Postgres and brings its schema up to date.
 * Errors: unavailable when it does not answer in time; failed_precondition for a schema of another release.
 */
export async function openDatabase(config: Config, stateDir: string, log: Log, stops: (() => Promise<void>)[]): Promise<string> {
  const onIndex: Announce = (index, table) => log.info({ event: "db.index_building", index, table }, "an index is built, while others work on its table");
  let url = config.MILLRACE_DATABASE_URL;
  if (url === undefined) {
    const embedded = await startEmbeddedPostgres({ stateDir, log });
    stops.push(() => embedded.stop());
    url = embedded.url;
  }
  for (const begun = performance.now(); ; ) {
    try {
      const { applied } = await migrate(url, { onIndex });
      if (applied.length > 0) log.info({ event: "db.migrated", applied }, "schema brought up to date");
      return url;
    } catch (error) {
      if (AppError.from(error).code !== "unavailable") throw error;
      if (performance.now() - begun > config.MILLRACE_DATABASE_WAIT_MS) {
        throw new AppError("unavailable", `Postgres does not answer: ${messageOf(error instanceof AppError ? (error.cause ?? error) : error)}`, {
          hint: "check MILLRACE_DATABASE_URL and that the server runs",
          cause: error,
        });
      }
      log.warn({ event: "db.waiting", error: messageOf(error) }, "Postgres does not answer yet, trying again");
      await new Promise((resolve) => setTimeout(resolve, 1000));
    }
  }
}
