/**
 * The file that tells a prepared launcher what to run: exports and an argument list, as text for /bin/sh. Only the
 * launcher and the script can read it; an argument list of `env` would show the values to everybody on the host.
 */

/** In the job folder. Its dot keeps it apart from the files of runtimes. */
export const START_FILE = ".start";

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Some shell gives these a meaning of its own, takes no value for them, or ends when it is told one. */
const SHELL_OWN =
  /^(?:IFS|OPT(?:IND|ARG|ERR)|LINENO|PS[0-4]|PPID|UID|EUID|GROUPS|RANDOM|SRANDOM|SECONDS|EPOCH(?:SECONDS|REALTIME)|DIRSTACK|FUNCNAME|HIST.*|BASH.*|SHELLOPTS|ENV|FUNCNEST|POSIXLY_CORRECT|TMOUT|PWD|OLDPWD|SHLVL|_)$/;

/** Whether a shell can hand on these variables exactly as they are. */
export function canExport(env: ReadonlyMap<string, string>): boolean {
  for (const [name, value] of env) if (!NAME.test(name) || SHELL_OWN.test(name) || value.includes("\0")) return false;
  return true;
}

/** The text of the start file. To be used only when `canExport` holds and no argument has a NUL. */
export function startFileText(argv: readonly string[], env: ReadonlyMap<string, string>): string {
  const lines = Array.from(env, ([name, value]) => `export ${name}=${quoteForShell(value)}`);
  return `${[...lines, `set -- ${argv.map(quoteForShell).join(" ")}`].join("\n")}\n`;
}

/** Within single quotes a shell changes nothing; only the quote itself has to be said outside. */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
