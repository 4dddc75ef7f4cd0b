/**
 * Expressions in two tiers: the common subset is interpreted here in microseconds, everything else runs in QuickJS, in a thread that can
 * be ended. Both say the same wherever the first says anything.
 */
import type { Json } from "../../../kernel/json.ts";
import type { Evaluation, Expressions, References, Scope } from "./expressions.ts";
import { compileExpression, interpret } from "./interpret/interpreter.ts";
import type { Run } from "./interpret/values.ts";
import { type ParsedExpression, parseExpression } from "./parse.ts";
import { messageAt } from "./place.ts";
import { type Reads, readsOf } from "./reads.ts";
import { SANDBOX_LIMITS, type SandboxLimits } from "./sandbox/sandbox-limits.ts";
import type { Limit } from "./sandbox/sandbox-messages-codec.ts";
import { type PoolOutcome, SandboxPool } from "./sandbox/sandbox-pool.ts";
import { offsetOf, sandboxCode } from "./sandbox-code.ts";
import { contextText } from "./sandbox-context.ts";
import { WeightedCache } from "./weighted-cache.ts";

/** Sources that are kept read: about a hundred bytes of tree for each character. */
const CACHE_CHARS = 256 * 1024;

const SCOPE_NAMES = ["flow_input", "results", "previous_result", "result", "error", "iter", "flow_env", "resume", "resumes", "approvers"] as const;

type Prepared =
  | { readonly kind: "problem"; readonly message: string }
  | { readonly kind: "expression"; readonly parsed: ParsedExpression; readonly reads: Reads; readonly run: Run | undefined };

export interface TierOptions {
  /** Threads of the sandbox. */
  readonly threads?: number;
  readonly limits?: Partial<SandboxLimits>;
}

export class ExpressionTiers implements Expressions {
  readonly #limits: SandboxLimits;
  readonly #pool: SandboxPool;
  readonly #prepared = new WeightedCache<Prepared>(CACHE_CHARS);

  constructor({ threads = 2, limits = {} }: TierOptions = {}) {
    this.#limits = { ...SANDBOX_LIMITS, ...limits };
    this.#pool = new SandboxPool(this.#limits, threads);
  }

  /** Threads that live at the moment. */
  get threads(): number {
    return this.#pool.size;
  }

  check(source: string): string | undefined {
    const prepared = this.#prepare(source);
    return prepared.kind === "problem" ? prepared.message : undefined;
  }

  references(source: string): References {
    const prepared = this.#prepare(source);
    if (prepared.kind === "problem") return { results: [], names: new Set(), paths: new Map(), variables: [], resources: [], free: [] };
    const { paths: found, variables, resources, isDynamic, free } = prepared.reads;
    const names = SCOPE_NAMES.filter((name) => isDynamic || found.has(name));
    const paths = new Map(names.map((name) => [name, isDynamic ? [[]] : (found.get(name) ?? [])]));
    return { results: firstMembers(paths.get("results") ?? []), names: new Set(names), paths, variables, resources, free };
  }

  evaluateNow(source: string, scope: Scope): Evaluation | undefined {
    const prepared = this.#prepare(source);
    if (prepared.kind === "problem") return syntaxError(prepared.message);
    const result = prepared.run === undefined ? undefined : interpret(prepared.run, scope);
    if (result === undefined || result.kind === "value") return result;
    if (result.kind === "error") return { kind: "error", name: result.name, message: messageAt(result.message, source, result.offset) };
    const [variables, resources] = result.what === "variable" ? [[result.path], []] : [[], [result.path]];
    return { kind: "needs", variables, resources };
  }

  async evaluate(source: string, scope: Scope, workspace: string): Promise<Evaluation> {
    const prepared = this.#prepare(source);
    if (prepared.kind === "problem") return syntaxError(prepared.message);
    const { parsed, reads } = prepared;
    const code = sandboxCode(source, parsed);
    const hasDate = reads.isDynamic || reads.paths.has("Date");
    const outcome = await this.#pool.evaluate(workspace, () => {
      const context = contextText(scope, reads, this.#limits.contextChars);
      return context === undefined ? undefined : { code, context, hasDate, atMs: scope.atMs };
    });
    return evaluationOf(outcome, source, parsed, this.#limits);
  }

  stop(): Promise<void> {
    return this.#pool.stop();
  }

  #prepare(source: string): Prepared {
    const known = this.#prepared.get(source);
    if (known !== undefined) return known;
    const parsed = parseExpression(source);
    const prepared: Prepared =
      parsed.kind === "problem"
        ? { kind: "problem", message: messageAt(parsed.message, source, parsed.offset) }
        : { kind: "expression", parsed: parsed.expression, reads: readsOf(parsed.expression.body), run: compileExpression(source, parsed.expression) };
    this.#prepared.add(source, prepared);
    return prepared;
  }
}

function syntaxError(message: string): Evaluation {
  return { kind: "error", name: "SyntaxError", message };
}

function firstMembers(paths: readonly (readonly string[])[]): readonly string[] | "all" {
  const members = new Set<string>();
  for (const [first] of paths) {
    if (first === undefined) return "all";
    members.add(first);
  }
  return [...members];
}

function evaluationOf(outcome: PoolOutcome, source: string, parsed: ParsedExpression, limits: SandboxLimits): Evaluation {
  switch (outcome.kind) {
    case "value":
      return parsedValue(outcome.json, source);
    case "needs":
      return outcome;
    case "error":
      return { kind: "error", name: outcome.name, message: messageAt(outcome.message, source, offsetOf(outcome.stack, source, parsed)) };
    case "limit":
      return { kind: "error", name: "LimitExceeded", message: messageAt(limitMessage(outcome.limit, limits), source, undefined) };
    default:
      return { kind: "error", name: "Unavailable", message: messageAt(UNAVAILABLE[outcome.kind], source, undefined) };
  }
}

function parsedValue(json: string, source: string): Evaluation {
  try {
    const value: Json = JSON.parse(json);
    return { kind: "value", value };
  } catch {
    return { kind: "error", name: "Unavailable", message: messageAt(UNAVAILABLE.broken, source, undefined) };
  }
}

const UNAVAILABLE = {
  broken: "the engine of expressions failed on it",
  lost: "the engine of expressions ended while it ran, or could not be started",
  crowded: "too many expressions of this workspace wait to be evaluated",
  stopped: "the server is shutting down",
} as const;

function limitMessage(limit: Limit, limits: SandboxLimits): string {
  switch (limit) {
    case "time":
      return `it takes longer than ${limits.cpuMs} ms of processor time: make it a script step`;
    case "memory":
      return `it needs more than ${limits.memoryBytes / 1024 / 1024} MB of memory: make it a script step`;
    case "stack":
      return "it calls itself too deeply";
    case "size":
      return `its value is larger than ${limits.valueChars} characters of JSON`;
    case "depth":
      return `its value is nested deeper than ${limits.valueDepth} levels`;
    case "context":
      return `what it reads is larger than ${limits.contextChars} characters of JSON: make it a script step`;
  }
}
