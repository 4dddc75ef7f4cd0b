import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import pg from "pg";
import { startEmbeddedPostgres } from "../control-plane/db/embedded.ts";
import { migrate } from "../control-plane/db/migrate.ts";
import { createPools } from "../control-plane/db/pools.ts";
import { createQueryBuilder } from "../control-plane/db/query-builder.ts";
import { shardOf } from "../control-plane/jobs/model.ts";
import { asWorkspaceId } from "../kernel/ids.ts";
import { measureDrop } from "./history/drop.ts";
import { daysOfHistory, fillHistory, fillLive } from "./history/fill.ts";
import { measureHistory } from "./history/measure.ts";

/**
 * History at size: fills an embedded PostgreSQL of its own with finished jobs, measures what people ask of it, and what the hot path feels while
 * a day is dropped. Steps are given as arguments, so that a fill can be used many times:
 * `node loadtests/history-fill.ts fill measure drop clean --folder /tmp/history --jobs 10000000`.
 */
const { values: options, positionals: steps } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: "string" },
    jobs: { type: "string", default: "10000000" },
    days: { type: "string", default: "30" },
    waiting: { type: "string", default: "100000" },
    runs: { type: "string", default: "400" },
    drops: { type: "string", default: "5" },
    json: { type: "string" },
  },
});
if (options.folder === undefined || steps.length === 0) {
  process.stderr.write("usage: node loadtests/history-fill.ts fill|measure|drop|clean... --folder <folder> [--jobs n] [--days n] [--runs n] [--json file]\n");
  process.exit(2);
}
const say = (text: string): void => void process.stderr.write(`${text}\n`);
const log = { info: () => undefined, debug: () => undefined, warn: (_: object, text: string) => say(text), error: (_: object, text: string) => say(text) };

mkdirSync(options.folder, { recursive: true });
chmodSync(options.folder, 0o755);
const server = await startEmbeddedPostgres({ stateDir: options.folder, log });
const pool = new pg.Pool({ connectionString: server.url, max: 4 });
const figures: Record<string, number> = {};
try {
  await migrate(server.url);
  if (steps.includes("fill")) {
    const filled = await fillHistory(pool, Number(options.jobs), Number(options.days), say);
    await fillLive(pool, filled.workspaces, (workspace) => shardOf(asWorkspaceId(workspace)), Number(options.waiting));
    await pool.query("VACUUM (ANALYZE)");
    await pool.query("CHECKPOINT");
  }
  const { rows } = await pool.query<{ id: string }>("SELECT id::text FROM workspace WHERE name LIKE 'history-%' ORDER BY workspace.id");
  const workspaces = rows.map((row) => row.id);
  const days = daysOfHistory(Number(options.days));
  if (steps.includes("measure")) {
    const pools = createPools(server.url, log);
    Object.assign(figures, await measureHistory(pools.api, createQueryBuilder(pools.api), workspaces, days, Number(options.runs), say));
    await pools.close();
  }
  if (steps.includes("drop")) Object.assign(figures, await measureDrop(server.url, pool, workspaces[0] ?? "1", days, Number(options.drops), say));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ figures }, null, 2)}\n`);
} finally {
  await pool.end();
  await server.stop();
  if (steps.includes("clean")) rmSync(options.folder, { recursive: true, force: true });
}
