import { spawnSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { AppError } from "../../kernel/app-error.ts";

/** The user that Postgres runs under; Postgres refuses to run as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const OWN_USER = "millrace";

/**
 * Chooses the account for a data folder: undefined means this process's own. As root: the owner of existing data, else the system
 * user `postgres`, else `millrace`, which is made when missing.
 * @throws AppError failed_precondition when the data belongs to somebody else or no user can be made
 */
export function chooseAccount(dataFolder: string): Account | undefined {
  const ownUid = process.getuid?.();
  const owner = ownerOf(dataFolder);
  if (ownUid !== 0) {
    if (owner === undefined || owner.uid === ownUid || ownUid === undefined) return undefined;
    throw new AppError("failed_precondition", `the data folder "${dataFolder}" belongs to user ${owner.uid}, but this process runs as user ${ownUid}`, {
      hint: "Start millrace as the user that made it (root, if it was started with sudo), or set MILLRACE_STATE_DIR to another folder.",
    });
  }
  if (owner !== undefined && owner.uid !== 0) return owner;
  return findUser("postgres") ?? findUser(OWN_USER) ?? makeUser();
}

function ownerOf(path: string): Account | undefined {
  try {
    const { uid, gid } = statSync(path);
    return { uid, gid };
  } catch {
    return undefined;
  }
}

function findUser(name: string): Account | undefined {
  for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
    const [user, , uid, gid] = line.split(":");
    if (user === name) return { uid: Number(uid), gid: Number(gid) };
  }
  return undefined;
}

function makeUser(): Account {
  const run = spawnSync("useradd", ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", OWN_USER], {
    encoding: "utf8",
  });
  const user = findUser(OWN_USER);
  if (user !== undefined) return user;
  throw new AppError(
    "failed_precondition",
    `PostgreSQL does not run as root, and the system user "${OWN_USER}" could not be made: ${run.stderr || run.error?.message || "no useradd"}`,
    {
      hint: `Make a system user named "${OWN_USER}" or start millrace as an ordinary user.`,
    },
  );
}
