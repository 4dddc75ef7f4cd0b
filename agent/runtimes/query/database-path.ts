import { resolve } from "node:path";
import type { ArgumentTexts } from "./arguments.ts";
import { HELPER_TMP } from "./query-context.ts";
import { QueryError } from "./query-error.ts";

export const IN_MEMORY = ":memory:";

/** The argument `database` of SQLite and DuckDB: `:memory:`, or a file in the job's own folder. @throws QueryError */
export function databasePath(args: ArgumentTexts): string {
  const json = args.get("database");
  if (json === undefined || json === "null") return IN_MEMORY;
  const path: unknown = json.startsWith('"') ? JSON.parse(json) : undefined;
  if (typeof path !== "string" || path === "" || path.includes("\0")) throw new QueryError("InvalidArgument", "the argument `database` is not a path");
  if (path === IN_MEMORY) return path;
  const tmp = resolve(process.env[HELPER_TMP] ?? "/nonexistent");
  const full = resolve(tmp, path);
  // The sandbox is what keeps other files away; this only says so clearly.
  if (!full.startsWith(`${tmp}/`)) throw new QueryError("InvalidArgument", `the argument \`database\` must be \`:memory:\` or a file below ${tmp}`);
  return full;
}
