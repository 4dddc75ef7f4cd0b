import { readFileSync } from "node:fs";
import { findInterpreter } from "../interpreter.ts";
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

const WRAPPER = readFileSync(new URL("./wrapper.rb", import.meta.url), "utf8");
const CANDIDATES = ["/usr/bin/ruby", "/usr/local/bin/ruby"];
/**
 * RubyGems and what comes with it (spelling suggestions, marked-up errors) take five times as long to load as Ruby itself. Gems of a script are on
 * the load path without it; a script that needs more says `require "rubygems"`.
 */
const FLAGS = ["--disable=gems,did_you_mean,error_highlight,rubyopt", "-EUTF-8"];

/** Ruby 3: calls `main` with positional and keyword arguments by name. */
export const rubySupport: RuntimeSupport = {
  languages: ["ruby"],
  detect: async (context) => {
    const runtime = await findInterpreter(CANDIDATES, (path) => tryInterpreter(path, context));
    return runtime === undefined ? undefined : new Map<string, Runtime>([["ruby", runtime]]);
  },
};

async function tryInterpreter(path: string, context: DetectContext): Promise<ProcessRuntime | undefined> {
  const version = outputOf(await context.probe([path, ...FLAGS, "-rjson", "-e", "print RUBY_VERSION"], []));
  if (version?.startsWith("3.") !== true) return undefined;
  return { kind: "process", version, mounts: [], launch: (request) => launch(path, request), close: () => undefined };
}

async function launch(path: string, request: LaunchRequest): Promise<Launch | Refusal> {
  return {
    kind: "launch",
    files: [
      { name: "wrapper.rb", content: WRAPPER },
      { name: "main.rb", content: request.code },
      { name: "args.json", content: request.argsJson },
      { name: "launch.json", content: JSON.stringify({ setup: "" }) },
    ],
    argv: [path, ...FLAGS, `${request.paths.job}/wrapper.rb`],
    env: new Map(),
    mounts: [],
    resultFrom: "record",
  };
}
