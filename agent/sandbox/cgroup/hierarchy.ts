/** A mounted hierarchy of control groups, and where this process is in it. */
export interface OwnGroup {
  /** Names of version 1 controllers; empty for version 2. */
  readonly controllers: readonly string[];
  readonly version: 1 | 2;
  /** The folder of the group that this process is in. */
  readonly dir: string;
}

/**
 * Finds the groups of a process. Pure.
 * @param cgroups text of /proc/self/cgroup
 * @param mounts text of /proc/self/mountinfo
 * @returns hierarchies that are mounted and in which the process is below the mount; others cannot be used
 */
export function ownGroups(cgroups: string, mounts: string): OwnGroup[] {
  const found: OwnGroup[] = [];
  const mounted = mounts.split("\n").flatMap(readMount);
  for (const line of cgroups.split("\n")) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const [, id, names = "", path = "/"] = match;
    const controllers = names === "" ? [] : names.split(",");
    const version = id === "0" && controllers.length === 0 ? 2 : 1;
    if (version === 1 && (controllers.length === 0 || names.startsWith("name="))) continue;
    const mount = mounted.find((one) => one.version === version && controllers.every((name) => one.options.includes(name)));
    const dir = mount === undefined ? undefined : below(mount, path);
    if (dir !== undefined) found.push({ controllers, version, dir });
  }
  return found;
}

interface Mount {
  readonly version: 1 | 2;
  /** The group that the mount shows: "/" but in containers. */
  readonly root: string;
  readonly point: string;
  readonly options: readonly string[];
}

/** One line: `36 35 98:0 /root /mnt rw,noatime master:1 - cgroup cgroup rw,memory`. */
function readMount(line: string): Mount[] {
  const [before = "", after = ""] = line.split(" - ");
  const [type, , options = ""] = after.split(" ");
  if (type !== "cgroup" && type !== "cgroup2") return [];
  const fields = before.split(" ");
  return [{ version: type === "cgroup2" ? 2 : 1, root: plainPath(fields[3] ?? "/"), point: plainPath(fields[4] ?? "/"), options: options.split(",") }];
}

/** The kernel writes blanks and backslashes as octal numbers. */
function plainPath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** In a container the mount may begin at the container's group while /proc names the path from the top. */
function below(mount: Mount, path: string): string | undefined {
  if (path.split("/").includes("..")) return undefined;
  const inside = mount.root === "/" ? path : path === mount.root || path.startsWith(`${mount.root}/`) ? path.slice(mount.root.length) : undefined;
  if (inside === undefined) return undefined;
  return `${mount.point}${inside}`.replace(/\/+$/, "") || "/";
}
