import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { AppError } from "../../kernel/app-error.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { FlowSettings } from "../flows/flow-jobs.ts";
import { parseJsonBody } from "../http/exact-json.ts";
import type { JobView, RunJobRequest } from "../jobs/contract.ts";
import type { GivenKey } from "../jobs/idempotency-key.ts";
import type { JobService } from "../jobs/job-service.ts";
import { referencesIn, TooDeep } from "../resources/references-core.ts";
import type { Workspace } from "../workspaces/workspace-store.ts";
import { triggerCaller } from "./caller.ts";
import type { TriggerJournal } from "./journal.ts";
import { eventOf, headersForJobs, type Inbound, mapArgs } from "./map-args-core.ts";
import type { Armed } from "./trigger-table.ts";
import { type Call, tokenHeaderOf, verify } from "./verify.ts";

/** A trigger that a request has reached. */
export interface Reached extends Armed {
  readonly workspace: Workspace;
  /** Of the pattern of a route. */
  readonly params: Readonly<Record<string, string>>;
}

export interface RawRequest extends Call {
  readonly method: string;
  readonly path: string;
  readonly query: Inbound["query"];
}

/** Of a flow also what its preprocessor gets, if it has one. */
type TriggeredRun = RunJobRequest & Pick<FlowSettings, "event">;

/** What a genuine call asks for. */
export type Admitted =
  | { readonly kind: "run"; readonly request: TriggeredRun; readonly key: GivenKey | undefined }
  /** Slack asks once whether we are there. */
  | { readonly kind: "challenge"; readonly challenge: string };

export interface ReceiverDeps {
  readonly jobs: Pick<JobService, "run" | "runAndWait">;
  readonly journal: Pick<TriggerJournal, "note">;
  readonly clock: Clock;
}

/** Signed calls are the same when their id is, which the signature covers; of others the whole request must be. */
const SIGNED = new Set(["standard", "github", "stripe", "slack"]);

/** Turns calls of triggers into jobs. */
export class Receiver {
  readonly #deps: ReceiverDeps;

  constructor(deps: ReceiverDeps) {
    this.#deps = deps;
  }

  /**
   * Decides about a call, in this order: is it genuine, is the trigger paused, can the body be read.
   * Errors: unauthenticated; failed_precondition for a paused trigger; invalid_argument.
   */
  admit(reached: Reached, request: RawRequest): Admitted {
    return this.#noted(reached, () => {
      const { trigger, secrets } = reached;
      const { auth } = trigger.settings;
      const verdict = verify(auth, secrets, request, this.#deps.clock.wallMs());
      if (verdict.kind === "refused") throw new AppError("unauthenticated", verdict.why);
      if (trigger.paused) throw new AppError("failed_precondition", "the trigger is paused", { retryable: true });
      const body = bodyOf(request);
      const challenge = auth.kind === "slack" ? challengeIn(body) : undefined;
      if (challenge !== undefined) return { kind: "challenge", challenge };
      return { kind: "run", request: runRequest(reached, request, body), key: keyOf(reached, request, verdict.id) };
    });
  }

  /** Starts the job. Errors: those of JobService.run; failed_precondition when what it starts is gone. */
  async run(reached: Reached, { request, key }: Extract<Admitted, { kind: "run" }>): Promise<{ created: boolean; view: JobView }> {
    return this.#started(reached, async () => {
      const started = await this.#deps.jobs.run(triggerCaller(reached.workspace, reached.trigger), request, key);
      return { ...started, job: started.view.id };
    });
  }

  /** The same, and waits for the end. */
  async runAndWait(reached: Reached, { request, key }: Extract<Admitted, { kind: "run" }>, waitMs: number, signal: AbortSignal) {
    return this.#started(reached, async () => {
      const caller = triggerCaller(reached.workspace, reached.trigger);
      const begunMs = this.#deps.clock.wallMs();
      const ended = await this.#deps.jobs.runAndWait(caller, request, waitMs, signal, key);
      // One that was there before this call is the job of an earlier one.
      return { ...ended, job: ended.view.id, created: key === undefined || Date.parse(ended.view.created_at) >= begunMs };
    });
  }

  async #started<T extends { readonly job: string; readonly created: boolean }>(reached: Reached, start: () => Promise<T>): Promise<T> {
    const { workspace, trigger } = reached;
    try {
      const started = await start();
      this.#deps.journal.note(workspace.id, trigger.path, { outcome: started.created ? "accepted" : "repeated", job: started.job });
      return started;
    } catch (error) {
      const failure = AppError.from(error);
      this.#deps.journal.note(workspace.id, trigger.path, { outcome: "refused", why: failure.message });
      throw withoutNames(failure);
    }
  }

  #noted<T>({ workspace, trigger }: Reached, decide: () => T): T {
    try {
      return decide();
    } catch (error) {
      this.#deps.journal.note(workspace.id, trigger.path, { outcome: "refused", why: AppError.from(error).message });
      throw error;
    }
  }
}

/** What a trigger starts is its owner's business, and not that of who calls. The journal has the words. */
function withoutNames(failure: AppError): AppError {
  const { code, fields, cause } = failure;
  if (code === "not_found") return new AppError("failed_precondition", "what this trigger starts is not deployed", { cause });
  if (code === "invalid_argument") return new AppError(code, "the call does not have the arguments that this trigger needs", { fields, cause });
  return failure;
}

function runRequest({ trigger, params }: Reached, request: RawRequest, body: unknown): TriggeredRun {
  const { script, flow, auth, args: mapping, constants = {} } = trigger.settings;
  const wantsRaw = Object.values(mapping ?? {}).includes("raw");
  const inbound: Inbound = {
    method: request.method,
    path: request.path,
    headers: headersForJobs(request.headers, tokenHeaderOf(auth)),
    query: request.query,
    params,
    body,
    raw: wantsRaw ? textOf(request.body) : "",
  };
  const args = mapArgs(mapping, inbound);
  refuseReferences(args);
  const all = { ...args, ...constants };
  if (flow === undefined) return { script: script ?? "", args: all };
  const pattern = trigger.place.kind === "route" ? trigger.place.pattern : undefined;
  return { flow, args: all, event: { ...(mapping !== undefined && args), ...constants, event: eventOf({ path: trigger.path, pattern }, inbound) } };
}

/** A reference stands for a variable or a resource of the workspace, secrets too: strangers must not be able to ask for one. */
function refuseReferences(args: Record<string, unknown>): void {
  try {
    const [found] = referencesIn(args);
    if (found === undefined) return;
    throw new AppError("invalid_argument", "a call may not refer to variables or resources", {
      hint: "put the reference into the constants of the trigger",
    });
  } catch (error) {
    if (error instanceof TooDeep) throw new AppError("invalid_argument", "the body is nested too deep");
    throw error;
  }
}

function keyOf({ trigger }: Reached, { method, path, query, body }: RawRequest, id: string | undefined): GivenKey | undefined {
  if (id === undefined) return undefined;
  const isSigned = SIGNED.has(trigger.settings.auth.kind);
  const digest = isSigned
    ? ""
    : createHash("sha256")
        .update(JSON.stringify([method, path, query]))
        .update(body)
        .digest("hex");
  return { scope: "trigger", text: `${trigger.path}\n${id}`, body: digest };
}

/** Undefined: there is none. Errors: invalid_argument for what is said to be JSON and is not. */
function bodyOf({ headers, body }: RawRequest): unknown {
  if (body.length === 0) return undefined;
  const type = typeof headers["content-type"] === "string" ? headers["content-type"].toLowerCase() : "";
  const [media = ""] = type.split(";");
  if (/[/+]json$/.test(media.trim())) return parseJson(body);
  if (media.trim() === "application/x-www-form-urlencoded") return formOf(textOf(body));
  return textOf(body);
}

function parseJson(body: Buffer): unknown {
  try {
    return parseJsonBody(body.toString("utf8"));
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("invalid_argument", "the body is not JSON", { cause: error });
  }
}

/** Members that come again are lists. */
function formOf(text: string): Record<string, string | string[]> {
  const form = new URLSearchParams(text);
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const all = form.getAll(name);
      return [name, all.length === 1 ? (all[0] ?? "") : all];
    }),
  );
}

const textOf = (body: Buffer): string => (isUtf8(body) ? body.toString("utf8") : body.toString("base64"));

function challengeIn(body: unknown): string | undefined {
  if (typeof body !== "object" || body === null || !("type" in body) || body.type !== "url_verification") return undefined;
  return "challenge" in body && typeof body.challenge === "string" ? body.challenge : undefined;
}
