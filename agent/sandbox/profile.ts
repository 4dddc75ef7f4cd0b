import { AppError } from "../../kernel/app-error.ts";
import { type SandboxShape, SHARED_NAME } from "./sandbox.ts";

/** What the host looks like, found once at start by `system-tree.ts`. All paths are absolute. */
export interface SystemTree {
  /** Top-level links such as /bin → usr/bin. */
  readonly links: readonly { readonly target: string; readonly path: string }[];
  /** Folders and files bound read-only at the same or another place. */
  readonly binds: readonly { readonly source: string; readonly path: string }[];
  /** Replaces hosts and resolv.conf when the job has a network. */
  readonly networkBinds: readonly { readonly source: string; readonly path: string }[];
  readonly isolatedBinds: readonly { readonly source: string; readonly path: string }[];
  /** Files of /proc that are covered with /dev/null, and folders covered with an empty tmpfs. */
  readonly maskedProcFiles: readonly string[];
  readonly maskedProcFolders: readonly string[];
}

/** What the arguments of bwrap depend on. */
export interface ProfileSpec extends Pick<SandboxShape, "mounts" | "writable" | "network" | "tmpBytes"> {
  /** Host folder that appears read-only as the job folder. */
  readonly jobDir: string;
  readonly env: ReadonlyMap<string, string>;
  /** Host folder that may be written, in /tmp. */
  readonly shared?: string | undefined;
}

/** Numbers of the descriptors that bwrap gets. */
export const ARGS_FD = 3;
const SECCOMP_FD = 4;
export const STATUS_FD = 6;

export const INSIDE_JOB = "/job";
export const INSIDE_TMP = "/tmp";
/** Ids inside: not 0, so that programs that warn about root do not. */
const INSIDE_ID = "1000";
const SMALL_BYTES = "4096";
const SHM_BYTES = String(16 * 1024 * 1024);

/**
 * The arguments of bwrap for one job, one string each. Pure. Order matters: later mounts cover earlier ones.
 * Each string from outside follows its option, is absolute where bwrap expects a path, and holds no NUL, so that none can
 * turn into an option of its own.
 * @throws invalid_argument for a relative path, a NUL, or an environment name that is empty or holds `=`
 */
export function bubblewrapArgs(spec: ProfileSpec, system: SystemTree): string[] {
  const args = [...namespaceArgs(spec), ...rootArgs(spec, system), ...procArgs(system), ...writableArgs(spec)];
  for (const mount of spec.writable ?? []) args.push("--bind", checkedPath(mount.source), checkedPath(mount.target));
  if (spec.shared !== undefined) args.push("--bind", checkedPath(spec.shared), `${INSIDE_TMP}/${SHARED_NAME}`);
  args.push("--ro-bind", checkedPath(spec.jobDir), INSIDE_JOB);
  for (const mount of spec.mounts) args.push("--ro-bind", checkedPath(mount.source), checkedPath(mount.target));
  args.push("--remount-ro", "/", "--chdir", INSIDE_TMP, "--seccomp", String(SECCOMP_FD), "--json-status-fd", String(STATUS_FD));
  for (const [name, value] of spec.env) args.push("--setenv", checkedName(name), checkedText(value));
  return args;
}

/** The form in which bwrap reads arguments from a descriptor. */
export function encodeArgs(args: readonly string[]): Buffer {
  return Buffer.from(`${args.join("\0")}\0`);
}

function namespaceArgs(spec: ProfileSpec): string[] {
  const args = ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"];
  if (spec.network === "none") args.push("--unshare-net");
  args.push("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL", "--disable-userns", "--assert-userns-disabled");
  args.push("--hostname", "job", "--uid", INSIDE_ID, "--gid", INSIDE_ID);
  return args;
}

function rootArgs(spec: ProfileSpec, system: SystemTree): string[] {
  const args: string[] = [];
  const binds = [...system.binds, ...(spec.network === "full" ? system.networkBinds : system.isolatedBinds)];
  for (const bind of binds) args.push("--ro-bind", checkedPath(bind.source), checkedPath(bind.path));
  for (const link of system.links) args.push("--symlink", checkedText(link.target), checkedPath(link.path));
  return args;
}

function procArgs(system: SystemTree): string[] {
  const args = ["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"];
  for (const path of system.maskedProcFiles) args.push("--ro-bind", "/dev/null", checkedPath(path));
  for (const path of system.maskedProcFolders) args.push("--size", SMALL_BYTES, "--tmpfs", checkedPath(path), "--remount-ro", checkedPath(path));
  return args;
}

function writableArgs(spec: ProfileSpec): string[] {
  if (!Number.isSafeInteger(spec.tmpBytes) || spec.tmpBytes <= 0) throw new AppError("invalid_argument", "the size of /tmp must be a positive number of bytes");
  return ["--dev", "/dev", "--size", SHM_BYTES, "--tmpfs", "/dev/shm", "--remount-ro", "/dev", "--size", String(spec.tmpBytes), "--tmpfs", INSIDE_TMP];
}

function checkedText(text: string): string {
  if (text.includes("\0")) throw new AppError("invalid_argument", "a NUL cannot be passed into the sandbox");
  return text;
}

function checkedPath(path: string): string {
  if (!path.startsWith("/")) throw new AppError("invalid_argument", "paths of a sandbox must be absolute");
  return checkedText(path);
}

function checkedName(name: string): string {
  if (name === "" || name.includes("=")) throw new AppError("invalid_argument", "this is not a name of an environment variable");
  return checkedText(name);
}
