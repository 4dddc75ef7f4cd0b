import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../kernel/app-error.ts";

/** One numbered step of the schema. */
export interface Migration {
  readonly version: number;
  /** The file's name. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text, in hex. */
  readonly checksum: string;
  /** True when its first line is `-- no-transaction`: its statements run one by one and must each bear repeating. */
  readonly outsideTransaction: boolean;
}

/** A step that the database says was applied. */
export interface AppliedMigration {
  readonly version: number;
  readonly name: string;
  readonly checksum: string;
}

const NAME = /^(\d{4})_[a-z0-9]+(?:_[a-z0-9]+)*\.sql$/;

/**
 * Reads all migrations of a folder, in order.
 * @throws AppError failed_precondition for an unreadable folder, a name that is not `NNNN_verb_noun.sql`, or a number used twice
 */
export function readMigrations(folder: string): Migration[] {
  const migrations = listSqlFiles(folder).map((name) => readMigration(folder, name));
  migrations.sort((a, b) => a.version - b.version);
  migrations.forEach((migration, index) => {
    const before = migrations[index - 1];
    if (before?.version === migration.version)
      throw new AppError("failed_precondition", `the migrations ${before.name} and ${migration.name} have the same number`);
  });
  return migrations;
}

function listSqlFiles(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".sql"));
  } catch (error) {
    throw new AppError("failed_precondition", `the folder of migrations "${folder}" cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function readMigration(folder: string, name: string): Migration {
  const version = NAME.exec(name)?.[1];
  if (version === undefined) throw new AppError("failed_precondition", `the migration ${name} is not named NNNN_verb_noun.sql`);
  // A checkout with other line ends is the same migration.
  const sql = readFileSync(join(folder, name), "utf8").replaceAll("\r\n", "\n");
  return {
    version: Number(version),
    name,
    sql,
    checksum: createHash("sha256").update(sql).digest("hex"),
    outsideTransaction: sql.startsWith("-- no-transaction"),
  };
}

/**
 * The migrations that are still to be applied.
 * @throws AppError failed_precondition when the database and the files do not share one history
 */
export function pendingMigrations(files: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const known = new Map(files.map((file) => [file.version, file]));
  const newestFile = files.at(-1)?.version ?? 0;
  let newestApplied = 0;
  for (const row of applied) {
    newestApplied = Math.max(newestApplied, row.version);
    const file = known.get(row.version);
    if (file === undefined && row.version > newestFile) {
      throw new AppError("failed_precondition", `the database has schema version ${row.version}, this build knows only ${newestFile}`, {
        hint: "Run the newer build, or restore a backup from before the upgrade.",
      });
    }
    if (file === undefined) throw new AppError("failed_precondition", `the migration ${row.name} was applied to the database, but its file is gone`);
    if (file.checksum !== row.checksum) {
      throw new AppError("failed_precondition", `the migration ${file.name} was changed after it was applied`, {
        hint: "Put the file back as it was and write a new migration for the change.",
      });
    }
  }
  const done = new Set(applied.map((row) => row.version));
  const pending = files.filter((file) => !done.has(file.version));
  const late = pending.find((file) => file.version < newestApplied);
  if (late !== undefined)
    throw new AppError("failed_precondition", `the migration ${late.name} comes before version ${newestApplied}, which was applied already`, {
      hint: "Give it the next free number.",
    });
  return pending;
}
