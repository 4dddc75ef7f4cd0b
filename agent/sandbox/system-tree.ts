import { chmodSync, existsSync, lstatSync, mkdirSync, readlinkSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SystemTree } from "./profile.ts";

const TOP_FOLDERS = ["bin", "sbin", "lib", "lib64", "lib32", "libx32"];
/** The only parts of the host's /etc that scripts see. */
const ETC = ["ld.so.cache", "alternatives", "ssl/certs", "ca-certificates", "localtime", "mime.types", "services", "protocols"];
const PROC_FILES = ["keys", "key-users", "timer_list", "kallsyms", "config.gz", "cmdline", "kcore", "kmsg", "sched_debug", "interrupts", "iomem", "ioports"];
const PROC_FOLDERS = ["acpi", "fs", "scsi", "irq", "bus", "asound", "driver"];

const SYNTHETIC: Readonly<Record<string, string>> = {
  passwd: "job:x:1000:1000:job:/tmp:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  group: "job:x:1000:\nnogroup:x:65534:\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
  hosts: "127.0.0.1 localhost job\n::1 localhost\n",
  "resolv.conf": "# this job has no network\n",
};

/**
 * Looks at the host once and writes the made-up files of /etc below `stateDir`, readable for job users.
 * Without passwd `whoami` fails and Java has no home; the real one would show the host's users.
 */
export function readSystemTree(stateDir: string): SystemTree {
  const etc = join(stateDir, "etc");
  mkdirSync(etc, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(SYNTHETIC)) {
    writeFileSync(join(etc, name), text);
    chmodSync(join(etc, name), 0o644);
  }
  const own = (name: string): { source: string; path: string } => ({ source: join(etc, name), path: `/etc/${name}` });
  const real = (name: string): { source: string; path: string } => ({ source: existing(`/etc/${name}`) ?? join(etc, name), path: `/etc/${name}` });
  return {
    ...topFolders(),
    isolatedBinds: [own("hosts"), own("resolv.conf")],
    networkBinds: [real("hosts"), real("resolv.conf")],
    maskedProcFiles: PROC_FILES.map((name) => `/proc/${name}`).filter((path) => existsSync(path)),
    maskedProcFolders: PROC_FOLDERS.map((name) => `/proc/${name}`).filter((path) => existsSync(path)),
    binds: [
      { source: "/usr", path: "/usr" },
      ...topFolders().binds,
      ...ETC.flatMap((name) => {
        const source = existing(`/etc/${name}`);
        return source === undefined ? [] : [{ source, path: `/etc/${name}` }];
      }),
      own("passwd"),
      own("group"),
      own("nsswitch.conf"),
    ],
  };
}

/** Links where /usr is merged, folders where it is not. */
function topFolders(): { links: { target: string; path: string }[]; binds: { source: string; path: string }[] } {
  const links: { target: string; path: string }[] = [];
  const binds: { source: string; path: string }[] = [];
  for (const name of TOP_FOLDERS) {
    const path = `/${name}`;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) continue;
    if (stat.isSymbolicLink()) links.push({ target: readlinkSync(path), path });
    else binds.push({ source: path, path });
  }
  return { links, binds };
}

/** The real place of a file, since bwrap does not follow links that lead out of what it has mounted. */
function existing(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
