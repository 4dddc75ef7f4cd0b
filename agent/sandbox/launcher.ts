import { INSIDE_JOB } from "./profile.ts";
import type { Rlimits } from "./sandbox.ts";
import { START_FILE } from "./start-file.ts";

/** The descriptor on which a script's wrapper reports. */
export const RECORD_FD = 5;
/** Where a prepared launcher waits for its job. */
export const CONTROL_FD = 7;
/** The socket of a process that serves several jobs, see `SandboxSpec.channel`. */
export const CHANNEL_FD = 8;
/** Written to the record pipe by a prepared launcher: it waits. */
export const READY = 0x50;
/** Written to the record pipe by the launcher: everything before it is set-up, everything after it is the script. */
export const BEGUN = 0x42;
/** What lets a prepared launcher go on: one whole line. */
export const GO = "\n";

/**
 * The first program inside. It sets the limits, says that set-up is over, runs the script as its child and exits with
 * its code. Being process 1 of the namespace it also reaps orphans, and its end makes the kernel end all others: when
 * bwrap has reaped it, nothing is left. (bwrap's own process 1 dies after bwrap, by a signal, and leaves a zombie
 * to the host's init.) TERM goes to the whole group; the launcher must outlive it, and an ignored signal would be
 * inherited, hence the empty trap. `ulimit -u` is for bash, `-p` for dash and busybox. A limit that the host already has lower stays.
 */
const PREPARE = [
  "ulimit -c 0",
  'ulimit -n "$1"',
  'ulimit -f "$2"',
  "ulimit -l 64",
  'ulimit -u "$3" 2>/dev/null || ulimit -p "$3" 2>/dev/null',
  "shift 3",
  "trap : TERM",
];

/**
 * Waits between set-up and script. The end of the control pipe means that the agent is gone or wants no job here. The start file
 * sets variables and arguments; a missing one ends the shell, before it says that the script begins.
 */
const WAIT = [`printf P >&${RECORD_FD}`, `read -r go <&${CONTROL_FD} || exit 1`, `exec ${CONTROL_FD}<&-`, "unset go", `. ${INSIDE_JOB}/${START_FILE}`];

/**
 * When nobody reads any more the agent has died in between, and the script must not begin. The child says so itself: the trap is not its own, so TERM
 * that comes as soon as that is read ends it. Said by the shell before its fork, TERM found the shell alone, and the script went on until KILL.
 */
const RUN = [`(printf B >&${RECORD_FD} || exit 1; exec "$@")`, "exit $?"];

/** `ulimit -f` counts in blocks of 512 bytes. */
const BLOCK_BYTES = 512;

/** The argument list that runs `argv` under the limits. */
export function launcherArgv(argv: readonly string[], limits: Rlimits): string[] {
  return [...shell([...PREPARE, ...RUN], limits), ...argv];
}

/** The argument list that sets the limits, says `READY` on the record pipe, and runs what the start file says after `GO`. */
export function waitingLauncherArgv(limits: Rlimits): string[] {
  return shell([...PREPARE, ...WAIT, ...RUN], limits);
}

/** The argument list that sets the limits and runs an interpreter that waits: it says `READY` and `BEGUN` itself. */
export function warmLauncherArgv(argv: readonly string[], limits: Rlimits): string[] {
  return [...shell([...PREPARE, '"$@"', "exit $?"], limits), ...argv];
}

function shell(lines: readonly string[], limits: Rlimits): string[] {
  const blocks = Math.ceil(limits.fileBytes / BLOCK_BYTES);
  return ["/bin/sh", "-c", lines.join("\n"), "sh", String(limits.openFiles), String(blocks), String(limits.processes)];
}
