import { assertNever } from "../../../kernel/assert-never.ts";
import { errorResult, exitOf } from "../../../kernel/exit.ts";
import { formatBytes } from "../../../kernel/size.ts";
import { findJsonProblem } from "../../runner/json-text.ts";
import { oneLine } from "../../runner/outcome.ts";
import { DEFAULT_RLIMITS, type NetworkPolicy, type Place, type Sandbox, type SandboxIo, type SandboxProcess } from "../../sandbox/sandbox.ts";
import type { DetectContext, InProcessRequest, InProcessRuntime, Refusal, Runtime, RuntimeSupport } from "../runtime.ts";
import { outputOf } from "../runtime.ts";
import { reachableNode } from "../typescript/toolchain.ts";
import { driverVersion, type HelperFiles, helperFiles, keepHelperFiles } from "./helper-files.ts";
import { HelperPool } from "./helper-pool.ts";
import { type HelperKind, QUERY_KINDS, QUERY_LANGUAGES, type QueryLanguage } from "./messages-codec.ts";
import { HELPER_TMP } from "./query-context.ts";
import { type HelperAnswer, QueryHelper } from "./query-helper.ts";

export interface QueryOptions {
  readonly sandbox: Sandbox;
  /** Of the agent. With `none` the runtimes that need a network are not offered. */
  readonly network: NetworkPolicy;
  /** Whether link-local and metadata addresses may be reached. */
  readonly metadataAllowed: boolean;
  /** Size of the writable folder of a helper. It is memory. */
  readonly tmpBytes: number;
  /** Helpers without a job that are kept; default 8, about 60 MB each. */
  readonly maxIdle?: number;
  readonly idleMs?: number;
  readonly maxAgeMs?: number;
}

const MAX_IDLE = 8;
const IDLE_MS = 120_000;
/** As those of dedicated processes. */
const MAX_AGE_MS = 10 * 60_000;
const INSIDE_NODE = "/runtimes/node/bin/node";
/** More than any configured result; the helper keeps to that of the job. */
const MAX_RESULT_BYTES = 64 * 1024 * 1024;
const HEAP_FLAG = "--max-old-space-size=256";
/**
 * Sets what a helper may allocate, in KiB: its writable memory, not the address space that Node reserves. Needed for SQLite above all,
 * which blocks the thread that would look at the memory, and which Node builds without a limit of its own. What a helper takes itself counts too:
 * 630 MB with the threads that resolve names, of which it uses 100.
 */
const LIMIT_MEMORY = ["/bin/sh", "-c", 'ulimit -d "$1" || exit 1; shift; exec "$@"', "sh"] as const;
const MEMORY_KB: Readonly<Record<HelperKind, number>> = { network: 1_536 * 1_024, sqlite: 768 * 1_024, duckdb: 2_048 * 1_024 };

/**
 * The languages without a process of their own per job. Their drivers parse what strangers send, block, and take memory: so they run in
 * helpers, enclosed like a job and never shared between workspaces, and the agent only hands over.
 */
export function querySupport(options: QueryOptions): RuntimeSupport {
  return {
    languages: QUERY_LANGUAGES,
    detect: async (context) => {
      keepHelperFiles(context.copies);
      const node = { source: reachableNode(context.copies), target: INSIDE_NODE };
      const nodePath = context.pathOf(node);
      if (outputOf(await context.probe([nodePath, "--version"], [node])) === undefined) return undefined;
      const starter = new HelperStarter(options, context, nodePath, node);
      const pool = new HelperPool({
        make: (kind, onGone) => starter.make(kind, onGone),
        maxIdle: options.maxIdle ?? MAX_IDLE,
        idleMs: options.idleMs ?? IDLE_MS,
        maxAgeMs: options.maxAgeMs ?? MAX_AGE_MS,
      });
      const runtimes = new Map<string, Runtime>();
      for (const language of QUERY_LANGUAGES) {
        const version = driverVersion(language);
        const isReachable = QUERY_KINDS[language] !== "network" || options.network !== "none";
        if (version !== undefined && isReachable) runtimes.set(language, queryRuntime(language, version, pool, options.metadataAllowed));
      }
      return runtimes;
    },
  };
}

function queryRuntime(language: QueryLanguage, version: string, pool: HelperPool, metadataAllowed: boolean): InProcessRuntime {
  return {
    kind: "in-process",
    version,
    run: async (request, signal) => {
      const { workspace, code, argsJson, resultMaxBytes, say, network, allow } = request;
      const kind = QUERY_KINDS[language];
      if (kind === "network" && network === "none") return fault("ConnectionError", "this script may not use the network");
      const reach = { metadataAllowed, ...(network === "allow_list" && { allow }) };
      const job = { language, code, argsJson, resultMaxBytes: Math.min(resultMaxBytes, MAX_RESULT_BYTES), reach };
      return verdictOf(await pool.run(workspace, kind, job, say, signal), request);
    },
    held: pool,
    close: () => pool.close(),
  };
}

function verdictOf(answer: HelperAnswer, request: InProcessRequest): string | Refusal {
  switch (answer.kind) {
    case "result":
      return checkResult(answer.json, request);
    case "error":
      return refusalOf(answer, request);
    case "gone":
      return answer.outOfMemory
        ? outOfMemory(`the query needed more memory than a query may have: ${answer.message}`)
        : fault("QueryHelperEnded", answer.message);
    default:
      return assertNever(answer);
  }
}

/** A helper is not trusted more than a script. */
function checkResult(json: string, request: InProcessRequest): string | Refusal {
  if (Buffer.byteLength(json) > request.resultMaxBytes) return tooLarge(request);
  const problem = findJsonProblem(json);
  if (problem === undefined) return json;
  const message = `the result is not acceptable JSON: ${problem}`;
  return { kind: "refused", exit: exitOf("result_invalid", message), resultJson: errorResult("ResultInvalid", message) };
}

function refusalOf({ error, errorJson }: Extract<HelperAnswer, { kind: "error" }>, request: InProcessRequest): Refusal {
  const { name, message } = error;
  if (name === "ResultTooLarge") return tooLarge(request);
  if (name === "OutOfMemory") return outOfMemory(message);
  const fits = Buffer.byteLength(errorJson) <= request.resultMaxBytes && findJsonProblem(errorJson) === undefined;
  const resultJson = fits ? errorJson : errorResult(name, message);
  const text = oneLine(`${name}: ${name === "SyntaxError" && error.line > 0 ? `line ${error.line}: ` : ""}${message}`);
  return { kind: "refused", exit: name === "SyntaxError" ? exitOf("syntax_error", text) : exitOf("exit_code", text, { code: 1 }), resultJson };
}

function tooLarge({ resultMaxBytes }: InProcessRequest): Refusal {
  const message = `the result is larger than ${formatBytes(resultMaxBytes)}`;
  return { kind: "refused", exit: exitOf("result_too_large", message), resultJson: errorResult("ResultTooLarge", message) };
}

function outOfMemory(message: string): Refusal {
  return { kind: "refused", exit: exitOf("out_of_memory", message), resultJson: errorResult("OutOfMemory", message) };
}

function fault(name: string, message: string): Refusal {
  return { kind: "refused", exit: exitOf("exit_code", oneLine(`${name}: ${message}`), { code: 1 }), resultJson: errorResult(name, message) };
}

/** Starts helpers, each in a place of its own. */
class HelperStarter {
  readonly #options: QueryOptions;
  readonly #context: DetectContext;
  readonly #node: string;
  readonly #nodeMount: { readonly source: string; readonly target: string };
  readonly #files = new Map<HelperKind, HelperFiles>();

  constructor(options: QueryOptions, context: DetectContext, node: string, nodeMount: { readonly source: string; readonly target: string }) {
    this.#options = options;
    this.#context = context;
    this.#node = node;
    this.#nodeMount = nodeMount;
  }

  make(kind: HelperKind, onGone: () => void): QueryHelper {
    return new QueryHelper({
      place: this.#options.sandbox.place(true),
      start: (place, io) => this.#start(kind, place, io),
      maxResultBytes: MAX_RESULT_BYTES,
      killToCancel: kind === "sqlite",
      onGone,
    });
  }

  async #start(kind: HelperKind, place: Place, io: SandboxIo): Promise<SandboxProcess> {
    const { sandbox, network, tmpBytes } = this.#options;
    const files = this.#files.get(kind) ?? helperFiles(kind, this.#context.copies);
    this.#files.set(kind, files);
    const enclosed = sandbox.kind === "bubblewrap";
    const { tmp } = place.paths;
    return await place.start(
      {
        files: [],
        argv: [
          ...LIMIT_MEMORY,
          String(MEMORY_KB[kind]),
          this.#node,
          HEAP_FLAG,
          "--disable-warning=ExperimentalWarning",
          enclosed ? files.insideProgram : files.program,
          kind,
        ],
        env: new Map([
          ["PATH", "/usr/bin:/bin"],
          ["HOME", tmp],
          ["TMPDIR", tmp],
          ["TZ", "UTC"],
          [HELPER_TMP, tmp],
        ]),
        mounts: [this.#nodeMount, ...files.mounts],
        network: kind === "network" || !enclosed ? network : "none",
        tmpBytes,
        rlimits: DEFAULT_RLIMITS,
        recordMaxBytes: 0,
        channel: true,
      },
      io,
    );
  }
}
