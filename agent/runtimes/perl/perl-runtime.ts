import { readFileSync } from "node:fs";
import { findInterpreter } from "../interpreter.ts";
import { type DetectContext, type Launch, type LaunchRequest, outputOf, type ProcessRuntime, type Runtime, type RuntimeSupport } from "../runtime.ts";

const WRAPPER = readFileSync(new URL("./wrapper.pl", import.meta.url), "utf8");
const CANDIDATES = ["/usr/bin/perl", "/usr/local/bin/perl"];

/** Perl 5: calls `main` with its arguments in the order in which it declares them. */
export const perlSupport: RuntimeSupport = {
  languages: ["perl"],
  detect: async (context) => {
    const runtime = await findInterpreter(CANDIDATES, (path) => tryInterpreter(path, context));
    return runtime === undefined ? undefined : new Map<string, Runtime>([["perl", runtime]]);
  },
};

async function tryInterpreter(path: string, context: DetectContext): Promise<ProcessRuntime | undefined> {
  // JSON::PP comes with Perl, but not with Debian's smallest part of it.
  const version = outputOf(await context.probe([path, "-MJSON::PP", "-e", 'printf "%vd", $^V'], []));
  if (version?.startsWith("5.") !== true) return undefined;
  return { kind: "process", version, mounts: [], launch: (request) => Promise.resolve(launch(path, request)), close: () => undefined };
}

function launch(path: string, request: LaunchRequest): Launch {
  return {
    kind: "launch",
    files: [
      { name: "wrapper.pl", content: WRAPPER },
      { name: "main.pl", content: request.code },
      { name: "args.json", content: request.argsJson },
    ],
    argv: [path, `${request.paths.job}/wrapper.pl`],
    env: new Map(),
    mounts: [],
    resultFrom: "record",
  };
}
