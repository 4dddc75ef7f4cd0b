import { createHash, randomBytes } from "node:crypto";
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import { KEY_BYTES } from "./envelope.ts";

/** A key that seals the data keys of workspaces. It is nowhere but in memory and where the operator keeps it. */
export interface MasterKey {
  /** The beginning of its SHA-256: says which one it is, and nothing about it. */
  readonly id: string;
  readonly key: Buffer;
}

/** The first one seals; all of them open. Empty: this replica has none. */
export type MasterKeys = readonly MasterKey[];

const FILE = "master.key";
const FORMAT = /^[A-Za-z0-9+/]{43}=$/;

/** Whether a text is one or more keys: 32 bytes in base64 each, the newest first, separated by commas. */
export function isKeyList(text: string): boolean {
  return text.split(",").every((part) => FORMAT.test(part.trim()));
}

/**
 * The keys of the setting, or the one of a file in the state folder, which is made when nobody has sealed anything yet.
 * @param isInUse whether something is sealed with a master key already: then a new one would be of no use
 * Errors: failed_precondition when the file cannot be read, is no key, or may be read by others.
 */
export async function loadMasterKeys(setting: string | undefined, stateDir: string, isInUse: () => Promise<boolean>): Promise<MasterKeys> {
  if (setting !== undefined) return parseKeys(setting);
  const file = join(stateDir, FILE);
  if (!existsSync(file)) {
    if (await isInUse()) return [];
    write(file, `${randomBytes(KEY_BYTES).toString("base64")}\n`);
  }
  return parseKeys(read(file));
}

function parseKeys(text: string): MasterKeys {
  return text.split(",").map((part) => {
    const key = Buffer.from(part.trim(), "base64");
    return { id: createHash("sha256").update("millrace master key ").update(key).digest("hex").slice(0, 16), key };
  });
}

function read(file: string): string {
  let text: string;
  try {
    if ((statSync(file).mode & 0o077) !== 0)
      throw new AppError("failed_precondition", `others than its owner may read ${file}`, { hint: `chmod 600 ${file}, and think about who has seen it` });
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw error instanceof AppError ? error : new AppError("failed_precondition", `${file} cannot be read: ${messageOf(error)}`);
  }
  if (!isKeyList(text))
    throw new AppError("failed_precondition", `${file} does not hold a master key`, {
      hint: "restore it from a backup: without it the secrets in the database cannot be opened",
    });
  return text;
}

/** Whole or not at all: a start that is broken off must not leave half a key. */
function write(file: string, text: string): void {
  try {
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, file);
  } catch (error) {
    throw new AppError("failed_precondition", `${file} cannot be written: ${messageOf(error)}`, { hint: "or set MILLRACE_MASTER_KEY" });
  }
}
