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
import { type Bundler, installGems, lockGems } from "./bundler.ts";

const WRAPPER = readFileSync(new URL("./wrapper.rb", import.meta.url), "utf8");
const CANDIDATES = ["/usr/bin/ruby", "/usr/local/bin/ruby"];
const BUNDLERS = ["/usr/bin/bundle", "/usr/local/bin/bundle"];
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
  const program = findProgram(BUNDLERS);
  const bundler: Bundler | undefined =
    program === undefined ? undefined : { command: [path, program], abi: `ruby-${version}-${arch}`, pathOf: (mount) => context.pathOf(mount) };
  return {
    kind: "process",
    version,
    mounts: [],
    launch: (request) => launch(path, bundler, context, request),
    lock: async ({ code, workshop }) => {
      const lock = await lockGems(bundler, code, workshop);
      return typeof lock === "string" ? { kind: "lock", lock } : lock;
    },
    close: () => undefined,
  };
}

async function launch(path: string, bundler: Bundler | undefined, context: DetectContext, request: LaunchRequest): Promise<Launch | Refusal> {
  const gems = await installGems(bundler, request);
  if (gems !== undefined && "kind" in gems) return gems;
  const setup = gems === undefined ? "" : `${context.pathOf(gems)}/bundler/setup.rb`;
  return {
    kind: "launch",
    files: [
      { name: "wrapper.rb", content: WRAPPER },
      { name: "main.rb", content: request.code },
      { name: "args.json", content: request.argsJson },
      { name: "launch.json", content: JSON.stringify({ setup }) },
    ],
    argv: [path, ...FLAGS, `${request.paths.job}/wrapper.rb`],
    env: new Map(),
    mounts: gems === undefined ? [] : [gems],
    resultFrom: "record",
  };
}
