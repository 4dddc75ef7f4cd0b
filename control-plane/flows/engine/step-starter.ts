import { AppError, messageOf } from "../../../kernel/app-error.ts";
import type { NewJob } from "../../jobs/model.ts";
import type { Module } from "../model.ts";
import { namesThatMayRefer } from "./argument-references.ts";
import type { FlowEngineDeps } from "./engine-deps.ts";
import type { Evaluated, EvaluationPlace, Evaluator } from "./evaluation.ts";
import { parseJson } from "./flow-codec.ts";
import { stepKey } from "./kept-results.ts";
import { inputsOf } from "./module-inputs.ts";
import { type Resolved, type StepParts, stepJob } from "./step-jobs.ts";

/** A step is ready to run as this job, has its result already, or cannot run. */
export type Started =
  | { readonly kind: "job"; readonly made: NewJob }
  | { readonly kind: "cached"; readonly json: string }
  | { readonly kind: "failed"; readonly message: string };

/** What a step is started from. */
export type StartParts = Omit<StepParts, "resolved" | "argsJson" | "timeoutMs" | "id" | "workspaceName" | "refs" | "cache">;

interface Found {
  readonly resolved: Resolved;
  readonly atMs: number;
}

/** How long a version counts as the current one of its path. */
const CURRENT_MS = 1000;
const MAX_FOUND = 5000;
const NO_PROVIDER = "no provider of language models is configured: steps of the type aiagent cannot run";
const MOST_TIMEOUT_S = 24 * 60 * 60;

/** Makes the jobs of steps: what they run, with what, for how long. */
export class StepStarter {
  readonly #deps: Pick<FlowEngineDeps, "catalogue" | "newJobId" | "store">;
  readonly #evaluator: Evaluator;
  readonly #nowMs: () => number;
  readonly #found = new Map<string, Found>();

  /** @param nowMs monotonic */
  constructor(deps: Pick<FlowEngineDeps, "catalogue" | "newJobId" | "store">, evaluator: Evaluator, nowMs: () => number) {
    this.#deps = deps;
    this.#evaluator = evaluator;
    this.#nowMs = nowMs;
  }

  /** Undefined: something has to be looked up, or evaluated with patience. */
  now(parts: StartParts, at: EvaluationPlace): Started | undefined {
    const { module, flow } = parts;
    if (module.value.kind === "aiagent") return { kind: "failed", message: NO_PROVIDER };
    if (keepsFor(parts) !== undefined) return undefined;
    const resolved = this.#at(parts);
    const workspaceName = this.#deps.catalogue.workspaceNameNow(flow.workspace);
    if (resolved === undefined || workspaceName === undefined) return undefined;
    const args = this.#evaluator.argumentsNow(at, inputsOf(module));
    if (args === undefined) return undefined;
    const timeout = module.timeout === undefined ? NO_TIMEOUT : this.#evaluator.now(at, module.timeout);
    return timeout === undefined ? undefined : this.#make(parts, resolved, workspaceName, args, timeout);
  }

  /** Errors: those of the database. */
  async later(parts: StartParts, at: EvaluationPlace): Promise<Started> {
    const { module, flow } = parts;
    if (module.value.kind === "aiagent") return { kind: "failed", message: NO_PROVIDER };
    const workspaceName = await this.#deps.catalogue.workspaceName(flow.workspace);
    const resolved = this.#at(parts) ?? (await this.#resolve(parts));
    if (typeof resolved === "string") return { kind: "failed", message: resolved };
    const args = await this.#evaluator.argumentsLater(at, inputsOf(module));
    const kept = args.kind === "error" ? undefined : await this.#kept(parts, resolved, args.json);
    if (kept !== undefined) return { kind: "cached", json: kept };
    const timeout = module.timeout === undefined ? NO_TIMEOUT : await this.#evaluator.later(at, module.timeout);
    return this.#make(parts, resolved, workspaceName, args, timeout);
  }

  /** The result of the same step with the same arguments, if it is to be had. */
  async #kept(parts: StartParts, resolved: Resolved, argsJson: string): Promise<string | undefined> {
    const { module, definition, createdBy, flow } = parts;
    if (keepsFor(parts) === undefined) return undefined;
    return this.#deps.store.kept(flow.workspace, stepKey(module, resolved, definition, argsJson, createdBy));
  }

  #make(parts: StartParts, resolved: Resolved, workspaceName: string, args: Evaluated, timeout: Evaluated): Started {
    if (args.kind === "error") return { kind: "failed", message: args.message };
    if (timeout.kind === "error") return { kind: "failed", message: `timeout: ${timeout.message}` };
    const seconds = parseJson(timeout.json);
    if (seconds !== null && (typeof seconds !== "number" || seconds <= 0 || seconds > MOST_TIMEOUT_S))
      return { kind: "failed", message: `timeout: must be a number of seconds up to ${MOST_TIMEOUT_S}` };
    const timeoutMs = seconds === null ? undefined : Math.max(100, Math.round(seconds * 1000));
    try {
      const id = parts.sub?.job ?? this.#deps.newJobId();
      const refs = namesThatMayRefer(parts);
      const ttlS = keepsFor(parts);
      const key = ttlS === undefined ? "" : stepKey(parts.module, resolved, parts.definition, args.json, parts.createdBy);
      const cache = ttlS === undefined ? undefined : { key, ttlS };
      return { kind: "job", made: stepJob({ ...parts, id, resolved, workspaceName, argsJson: args.json, timeoutMs, refs, cache }) };
    } catch (error) {
      return { kind: "failed", message: messageOf(error) };
    }
  }

  #at({ module, flow, sub }: StartParts): Resolved | undefined {
    if (module.value.kind === "rawscript") return { kind: "code" };
    if (sub !== undefined) return { kind: "flow", hash: sub.hash };
    const found = this.#found.get(nameOf(flow.workspace, module));
    return found === undefined || this.#nowMs() - found.atMs > CURRENT_MS ? undefined : found.resolved;
  }

  /** A text says why it cannot be found. */
  async #resolve({ module, flow }: StartParts): Promise<Resolved | string> {
    const { value } = module;
    const { workspace } = flow;
    const atMs = this.#nowMs();
    try {
      if (value.kind !== "script" && value.kind !== "flow") return `a step of the kind ${value.kind} runs nothing`;
      const { catalogue } = this.#deps;
      const resolved: Resolved =
        value.kind === "script"
          ? { kind: "script", version: await catalogue.script(workspace, value.path, value.hash) }
          : { kind: "flow", ...(await catalogue.currentFlow(workspace, value.path)) };
      const name = nameOf(workspace, module);
      this.#found.delete(name);
      this.#found.set(name, { resolved, atMs });
      const [oldest] = this.#found.size > MAX_FOUND ? this.#found.keys() : [];
      if (oldest !== undefined) this.#found.delete(oldest);
      return resolved;
    } catch (error) {
      if (!isMissing(error)) throw error;
      return messageOf(error);
    }
  }
}

/** How long a step's result is kept. One that goes on in the middle is not the same as others. */
const keepsFor = ({ module, sub }: StartParts): number | undefined => (sub === undefined ? module.cacheTtlS : undefined);

const NO_TIMEOUT: Evaluated = { kind: "value", json: "null" };

function nameOf(workspace: string, { value }: Module): string {
  if (value.kind === "script") return `${workspace}/script/${value.hash ?? ""}/${value.path}`;
  return value.kind === "flow" ? `${workspace}/flow/${value.path}` : "";
}

/** The last one: it is archived. */
const MISSING: ReadonlySet<AppError["code"]> = new Set(["not_found", "invalid_argument", "failed_precondition"]);

function isMissing(error: unknown): boolean {
  return error instanceof AppError && MISSING.has(error.code);
}
