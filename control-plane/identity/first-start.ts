import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { AppError, messageOf } from "../../kernel/app-error.ts";
import type { Pool } from "../db/pools.ts";
import type { Workspaces } from "../workspaces/workspace-store.ts";
import { generateToken, parseBearer, sameHash, type TokenKind } from "./token-format.ts";
import { findToken, insertToken } from "./token-store.ts";

/** What `npm start` and the CLI of this checkout use; kept in the state folder, readable by its owner only. */
const credentialsSchema = z.object({
  url: z.string(),
  grpc: z.string(),
  workspace: z.string(),
  token: z.string(),
  admin_token: z.string(),
  agent_token: z.string(),
});
export type Credentials = z.infer<typeof credentialsSchema>;

/**
 * Makes the first workspace with one token of each kind and writes them to a file; tokens that are in the file and
 * still valid are kept, so that a restart changes nothing. The tokens exist nowhere else: the database has hashes.
 */
export async function ensureFirstTokens(
  pool: Pool,
  workspaces: Workspaces,
  file: string,
  where: { url: string; grpc: string; workspace: string },
): Promise<Credentials> {
  const workspace = await workspaces.ensure(where.workspace);
  const known = readCredentials(file);
  const keepOrMake = async (text: string | undefined, kind: TokenKind, label: string): Promise<string> => {
    if (text !== undefined && (await isValid(pool, text, kind))) return text;
    const token = generateToken(kind);
    await insertToken(pool, token, kind === "workspace" ? workspace.id : undefined, label);
    return token.text;
  };
  const sameWorkspace = known?.workspace === where.workspace;
  const credentials: Credentials = {
    ...where,
    token: await keepOrMake(sameWorkspace ? known.token : undefined, "workspace", "first-token"),
    admin_token: await keepOrMake(known?.admin_token, "admin", "first-admin"),
    agent_token: await keepOrMake(known?.agent_token, "agent", "first-agent"),
  };
  writePrivate(file, `${JSON.stringify(credentials, null, 2)}\n`);
  return credentials;
}

async function isValid(pool: Pool, text: string, kind: TokenKind): Promise<boolean> {
  const parsed = parseBearer(text);
  const stored = parsed === undefined || parsed.kind !== kind ? undefined : await findToken(pool, parsed.id);
  return parsed !== undefined && stored !== undefined && !stored.revoked && sameHash(stored.secretHash, parsed.secretHash);
}

function readCredentials(file: string): Credentials | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return credentialsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return undefined;
  }
}

/** Errors: failed_precondition when the folder cannot be written. */
function writePrivate(file: string, text: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, file);
  } catch (error) {
    throw new AppError("failed_precondition", `${file} cannot be written: ${messageOf(error)}`, {
      hint: "give the user that runs Millrace write access to the folder, or set MILLRACE_STATE_DIR",
    });
  }
}
