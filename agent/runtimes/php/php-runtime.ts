import { readFileSync } from "node:fs";
import { arch } from "node:process";
import { findInterpreter, findProgram } from "../interpreter.ts";
import {
  type DetectContext,
  type Launch,
  type LaunchRequest,
  outputOf,
  type ProcessRuntime,
  type Refusal,
  type Runtime,
  type RuntimeSupport,
} from "../runtime.ts";
import { type Composer, installPackages, lockPackages } from "./composer.ts";

const WRAPPER = readFileSync(new URL("./wrapper.php", import.meta.url), "utf8");
const CANDIDATES = ["/usr/bin/php", "/usr/local/bin/php"];
const COMPOSERS = ["/usr/bin/composer", "/usr/local/bin/composer"];

/** Load before others, which need them. */
const FIRST = ["mysqlnd", "pdo", "xml", "dom", "igbinary", "msgpack"];
/** Not for scripts: a second JIT, a debugger, an interactive line editor. Opcache would compile for a second run that never comes. */
const LEFT_OUT = new Set(["opcache", "xdebug", "pcov", "readline"]);

/**
 * No configuration file is read: those of the host are not visible inside. Diagnostics go to stderr, where they show up in the log as lines
 * of their own. PHP cannot see limits from outside, so its memory ends at 512 MB, as the heap of Node does.
 */
const SETTINGS = ["memory_limit=512M", "display_errors=stderr", "html_errors=0", "log_errors=0", "error_reporting=32767", "variables_order=EGPCS"];

const LIST_EXTENSIONS = `
echo PHP_VERSION, "\\n";
foreach (glob(ini_get("extension_dir") . "/*.so") as $file) echo basename($file, ".so"), "\\n";
`;
const LIST_LOADED = 'echo implode("\\n", array_map("strtolower", get_loaded_extensions()));';

interface Interpreter {
  readonly path: string;
  readonly version: string;
  /** `-d` and `-n`, as they come first in each argument list. */
  readonly flags: readonly string[];
}

/** PHP 8.1 or later: calls `main` with named arguments. */
export const phpSupport: RuntimeSupport = {
  languages: ["php"],
  detect: async (context) => {
    const found = await findInterpreter(CANDIDATES, (path) => tryInterpreter(path, context));
    return found === undefined ? undefined : new Map<string, Runtime>([["php", runtimeOf(found, context)]]);
  },
};

async function tryInterpreter(path: string, context: DetectContext): Promise<Interpreter | undefined> {
  const output = outputOf(await context.probe([path, "-n", "-r", LIST_EXTENSIONS], []));
  const [version = "", ...names] = output?.split("\n") ?? [];
  if (!/^8\.[1-9]/.test(version)) return undefined;
  const wanted = [...FIRST.filter((name) => names.includes(name)), ...names.filter((name) => !FIRST.includes(name) && !LEFT_OUT.has(name))];
  const settings = SETTINGS.flatMap((setting) => ["-d", setting]);
  const flagsWith = (extensions: readonly string[]): string[] => ["-n", ...settings, ...extensions.flatMap((name) => ["-d", `extension=${name}`])];
  // One whose library is missing only warns, but it would do so in front of each script.
  const loaded = new Set(outputOf(await context.probe([path, ...flagsWith(wanted), "-d", "display_startup_errors=0", "-r", LIST_LOADED], []))?.split("\n"));
  return { path, version, flags: flagsWith(wanted.filter((name) => loaded.has(name))) };
}

function runtimeOf(interpreter: Interpreter, context: DetectContext): ProcessRuntime {
  const { path, flags, version } = interpreter;
  const program = findProgram(COMPOSERS);
  const composer: Composer | undefined = program === undefined ? undefined : { command: [path, ...flags, program], abi: `php-${version}-${arch}` };
  return {
    kind: "process",
    version,
    mounts: [],
    launch: (request) => launch(interpreter, composer, context, request),
    lock: async ({ code, workshop }) => {
      const lock = await lockPackages(composer, code, workshop);
      return typeof lock === "string" ? { kind: "lock", lock } : lock;
    },
    close: () => undefined,
  };
}

async function launch(interpreter: Interpreter, composer: Composer | undefined, context: DetectContext, request: LaunchRequest): Promise<Launch | Refusal> {
  const packages = await installPackages(composer, request);
  if (packages !== undefined && "kind" in packages) return packages;
  const autoload = packages === undefined ? "" : `${context.pathOf(packages)}/vendor/autoload.php`;
  return {
    kind: "launch",
    files: [
      { name: "wrapper.php", content: WRAPPER },
      { name: "main.php", content: withOpeningTag(request.code) },
      { name: "args.json", content: request.argsJson },
      { name: "launch.json", content: JSON.stringify({ autoload }) },
    ],
    argv: [interpreter.path, ...interpreter.flags, "-f", `${request.paths.job}/wrapper.php`],
    env: new Map(),
    mounts: packages === undefined ? [] : [packages],
    resultFrom: "record",
  };
}

/** Without a tag PHP would print the code instead of running it. */
function withOpeningTag(code: string): string {
  return /<\?(?:php|=)/i.test(code) ? code : `<?php ${code}`;
}
