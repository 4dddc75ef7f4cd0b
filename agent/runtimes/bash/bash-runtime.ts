import { readFileSync } from "node:fs";
import { type BashParameter, parseBashParameters } from "../../../kernel/bash-parameters.ts";
import { readJsonMembers } from "../../runner/json-text.ts";
import type { ReadOnlyMount } from "../../sandbox/sandbox.ts";
import { placeConstants } from "../constants.ts";
import { refuseArguments } from "../refusal.ts";
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

const WRAPPER = readFileSync(new URL("./wrapper.sh", import.meta.url), "utf8");
const BASH = "/bin/bash";

/** Bash: positional arguments by the names that the script gives them, result is the last line of stdout. */
export const bashSupport: RuntimeSupport = {
  languages: ["bash"],
  detect: async (context: DetectContext) => {
    const version = outputOf(await context.probe([BASH, "--noprofile", "--norc", "-c", 'echo "$BASH_VERSION"'], []));
    if (version === undefined || version === "") return undefined;
    const mount = placeConstants(context.copies, "bash", { "wrapper.sh": WRAPPER });
    const wrapper: Wrapper = { mount, folder: context.pathOf(mount) };
    const runtime: ProcessRuntime = {
      kind: "process",
      version,
      mounts: [mount],
      launch: (request) => Promise.resolve(launch(wrapper, request)),
      close: () => undefined,
    };
    return new Map<string, Runtime>([["bash", runtime]]);
  },
};

interface Wrapper {
  readonly mount: ReadOnlyMount;
  /** As the script sees it. */
  readonly folder: string;
}

function launch(wrapper: Wrapper, request: LaunchRequest): Launch | Refusal {
  const args = readJsonMembers(request.argsJson);
  if (args.kind === "problem") return refuseArguments("InvalidArgument", `the arguments are not a JSON object: ${args.message}`);
  // Scripts written on Windows: Bash would take the CR as part of each last word.
  const code = request.code.replaceAll("\r\n", "\n");
  const positional = positionalArguments(parseBashParameters(code), args.values);
  if (!Array.isArray(positional)) return positional;
  return {
    kind: "launch",
    files: [
      { name: "main.sh", content: code },
      { name: "check.sh", content: `set -n;${code}` },
      // Every file costs; most scripts have no arguments.
      ...(positional.length === 0 ? [] : [{ name: "args", content: positional.map((text) => `${text}\0`).join("") }]),
    ],
    argv: [BASH, "--noprofile", "--norc", `${wrapper.folder}/wrapper.sh`, request.paths.job],
    env: new Map(),
    mounts: [wrapper.mount],
    resultFrom: "last_stdout_line",
  };
}

/** Strings as they are, null like a missing one, everything else as JSON text. A missing one is empty, which is when Bash takes the default. */
function positionalArguments(parameters: readonly BashParameter[], args: ReadonlyMap<string, string>): string[] | Refusal {
  const positions = new Map(parameters.map((parameter) => [parameter.name, parameter.position]));
  const positional: string[] = [];
  for (const [name, json] of args) {
    const position = positions.get(name);
    if (position === undefined) {
      const known = parameters.length === 0 ? "none" : parameters.map((parameter) => parameter.name).join(", ");
      return refuseArguments("UnknownArgument", `the script takes no argument \`${name}\`; it takes: ${known}`);
    }
    if (json === "null") continue;
    const text = json.startsWith('"') ? String(JSON.parse(json)) : json;
    if (text.includes("\0")) return refuseArguments("InvalidArgument", `the argument \`${name}\` holds a NUL character, which Bash cannot take`);
    positional[position - 1] = text;
  }
  return Array.from(positional, (text) => text ?? "");
}
