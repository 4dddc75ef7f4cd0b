import type { Rlimits } from "./sandbox.ts";

/** The descriptor on which a script's wrapper reports. */
export const RECORD_FD = 5;
/** Written to the record pipe by the launcher: everything before it is set-up, everything after it is the script. */
export const BEGUN = 0x42;

/**
 * The first program inside. It sets the limits, says that set-up is over, runs the script as its child and exits with
 * its code. Being process 1 of the namespace it also reaps orphans, and its end makes the kernel end all others: when
 * bwrap has reaped it, nothing is left. (bwrap's own process 1 dies after bwrap, by a signal, and leaves a zombie
 * to the host's init.) TERM goes to the whole group; the launcher must outlive it, and an ignored signal would be
 * inherited, hence the empty trap. `ulimit -u` is for bash, `-p` for dash and busybox. A limit that the host already has lower stays.
 */
const SCRIPT = [
  "ulimit -c 0",
  'ulimit -n "$1"',
  'ulimit -f "$2"',
  "ulimit -l 64",
  'ulimit -u "$3" 2>/dev/null || ulimit -p "$3" 2>/dev/null',
  "shift 3",
  "trap : TERM",
  `printf B >&${RECORD_FD}`,
  '"$@"',
  "exit $?",
].join("\n");

/** `ulimit -f` counts in blocks of 512 bytes. */
const BLOCK_BYTES = 512;

/** The argument list that runs `argv` under the limits. */
export function launcherArgv(argv: readonly string[], limits: Rlimits): string[] {
  const blocks = Math.ceil(limits.fileBytes / BLOCK_BYTES);
  return ["/bin/sh", "-c", SCRIPT, "sh", String(limits.openFiles), String(blocks), String(limits.processes), ...argv];
}
