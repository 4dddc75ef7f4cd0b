import { AppError } from "../../../kernel/app-error.ts";
import { type JobId, parseJobId, type WorkspaceId } from "../../../kernel/ids.ts";
import type { Json } from "../../../kernel/json.ts";
import { boundsIn, isAccount, starterIn } from "../../access/acting-for.ts";
import { recordAudit } from "../../audit/audit-store.ts";
import type { Pool } from "../../db/pools.ts";
import { inTransaction } from "../../db/transaction.ts";
import type { Caller } from "../../http/authorize.ts";
import type { JobRecord } from "../../jobs/job-store.ts";
import { readPolicy } from "../../jobs/policy-codec.ts";
import type { Approval, Place, StepView } from "../core/model.ts";
import { moduleAt } from "../core/place.ts";
import { stepsOf } from "../core/step-views.ts";
import { givenApprovals, keptApprovals } from "../engine/given-approvals.ts";
import type { ReplayedRun } from "../engine/replay.ts";
import type { Module, SuspendRule } from "../model.ts";
import { hasApproval, insertApproval, isInGroups, type PendingAnswer, pendingAnswers } from "./approval-store.ts";
import { type ApprovalClaims, mintApproval, readApproval } from "./approval-token.ts";
import { type ApprovalView, type Invitation, RUN_LIMITS } from "./contract.ts";
import type { FillForm } from "./form-answers.ts";
import { linkGate } from "./link-gate.ts";
import type { RunReader } from "./run-reader.ts";

export interface ApprovalParts {
  readonly pool: Pool;
  readonly reader: RunReader;
  readonly secret: () => Promise<Buffer>;
  /** Where links lead to: the API as its users reach it. */
  readonly publicUrl: () => string;
  readonly workspaceName: (workspace: WorkspaceId) => Promise<string | undefined>;
  readonly record: (caller: Caller, id: JobId) => Promise<JobRecord>;
  /** An answer was taken in. */
  readonly answered: () => void;
  readonly fillForm: FillForm;
}

/** A step that waits for people. */
interface Waiting {
  readonly run: ReplayedRun;
  readonly view: StepView;
  readonly module: Module;
  readonly rule: SuspendRule;
}

/** What somebody says, and of whom. */
interface Answer {
  readonly claims: ApprovalClaims;
  readonly approved: boolean;
  readonly payload: unknown;
  /** As the audit log calls whoever answers. */
  readonly actor: string;
  /** Where the payload stands in the request. */
  readonly root: string;
}

const ANONYMOUS = "anonymous";
/** What runs of running jobs are started by, see identity/authenticate.ts. */
const JOB_LABEL = /^job ([0-9a-f-]{36})$/;
/** A job that a job started that a job started …: so many at most are asked. */
const MOST_STARTERS = 20;
/** In front of a name that stands in a link. */
const LINK = "link for ";
const NO_LINK = "there is no such approval: the link is cut off, or not one of ours";

/** Steps that wait for people: who is asked, and what they answer. */
export class Approvals {
  readonly #parts: ApprovalParts;
  /** For requests that bring nothing but a link, before anything else is done. Errors: not_found; resource_exhausted. */
  readonly admit = linkGate(async (token) => (await this.#claims(token)).flow);

  constructor(parts: ApprovalParts) {
    this.#parts = parts;
  }

  /** Links with which somebody can answer who has no account here. Errors: not_found; failed_precondition when the step does not wait. */
  async invite(caller: Caller, flow: JobId, step: string | undefined, approver = ANONYMOUS): Promise<Invitation> {
    const workspace = caller.workspace.id;
    if (caller.reach?.bounds !== undefined) await this.#parts.record(caller, flow);
    const { view } = await this.#waiting(workspace, flow, step);
    return this.#links(workspace, flow, view.place, approver);
  }

  /**
   * The same for a step that is still running, asked for by its job: the links are good once it waits. Of the run of a flow: for the step that waits.
   * Errors: not_found; failed_precondition for a job that is no step, and a step that will not wait.
   */
  async inviteAhead(caller: Caller, job: JobId, approver = ANONYMOUS): Promise<Invitation> {
    const { policyText, kind } = await this.#parts.record(caller, job);
    if (kind === "flow") return this.invite(caller, job, undefined, approver);
    const step = policyText === undefined ? undefined : readPolicy(policyText).flow;
    if (step === undefined) throw new AppError("failed_precondition", `job ${job} is no step of a flow: nobody is asked about it`);
    const { flow } = await this.#parts.reader.run(caller.workspace.id, step.id);
    if (moduleAt(flow.definition, step.place)?.suspend === undefined)
      throw new AppError("failed_precondition", `step ${step.place} does not wait for people`, { hint: "give it `suspend`" });
    return this.#links(caller.workspace.id, step.id, step.place, approver);
  }

  /** What a link is about. Errors: not_found. */
  async about(token: string): Promise<ApprovalView> {
    const claims = await this.#claims(token);
    const { workspace, flow, place, approver } = claims;
    const name = (await this.#parts.workspaceName(workspace)) ?? "";
    const run = await this.#parts.reader.run(workspace, flow);
    const view = suspended(run).find((one) => one.place === place);
    const module = moduleAt(run.flow.definition, place);
    const rule = module?.suspend;
    return {
      workspace: name,
      job: flow,
      ...(run.flow.path !== undefined && { flow: run.flow.path }),
      step: place,
      ...(module?.summary !== undefined && { summary: module.summary }),
      approver,
      waiting: view !== undefined && !(await this.#hasAnswered(claims)),
      approvals: view?.done ?? 0,
      needed: view?.count ?? rule?.requiredEvents ?? 1,
      ...(view?.untilMs !== undefined && { until: new Date(view.untilMs).toISOString() }),
      ...(rule?.formSchema !== undefined && { form: rule.formSchema }),
      can_refuse: rule?.hideCancel !== true,
    };
  }

  /**
   * Errors: not_found; failed_precondition when the step no longer waits, or this approver has answered; permission_denied when it takes an account;
   * invalid_argument for a payload that does not fit the form of the step.
   */
  async answerLink(token: string, approved: boolean, payload: unknown): Promise<void> {
    const claims = await this.#claims(token);
    const { rule } = await this.#waiting(claims.workspace, claims.flow, claims.place);
    if (rule.userAuthRequired || rule.selfApprovalDisabled || rule.userGroupsRequired !== undefined)
      throw new AppError("permission_denied", "this step takes answers of signed-in people only: POST to …/jobs/{id}/flow/answer with a token");
    // The name is what somebody has written into the link: it proves nobody.
    const named = claims.approver.startsWith(LINK) ? claims.approver : `${LINK}${claims.approver}`;
    await this.#take({ claims, approved, payload, actor: named, root: "" }, rule);
  }

  /** An answer under the caller's own name. Errors: those of answerLink; permission_denied for whoever may not. */
  async answer(caller: Caller, flow: JobId, step: string | undefined, approved: boolean, payload: unknown): Promise<void> {
    const workspace = caller.workspace.id;
    if (caller.reach?.bounds !== undefined) await this.#parts.record(caller, flow);
    const { view, rule } = await this.#waiting(workspace, flow, step);
    const approver = caller.principal.label;
    if (rule.userGroupsRequired !== undefined && !(await this.#isOfGroups(caller, rule.userGroupsRequired)))
      throw new AppError("permission_denied", `this step takes answers of members of ${rule.userGroupsRequired.join(", ")} only`);
    if (rule.selfApprovalDisabled && (await this.#starter(caller, await this.#madeBy(caller, flow))) === (await this.#starter(caller, approver)))
      throw new AppError("permission_denied", "whoever started the run may not approve it");
    await this.#take({ claims: { workspace, flow, place: view.place, approver }, approved, payload, actor: approver, root: "/payload" }, rule);
  }

  /** @param name one that looks like an account's is told apart from what that account answers itself, also where flows read `approvers` */
  async #links(workspace: WorkspaceId, flow: JobId, place: Place, name: string): Promise<Invitation> {
    const approver = isAccount(name) ? `${LINK}${name}` : name;
    const token = mintApproval(await this.#parts.secret(), { workspace, flow, place, approver });
    const url = `${this.#parts.publicUrl()}/api/v1/approvals/${token}`;
    return { step: place, approver, resume_url: url, cancel_url: `${url}/cancel` };
  }

  /**
   * Who is behind a label: of a job whoever started that, of a schedule or a trigger the account that it acts for.
   * Errors: permission_denied when that is not known any more.
   */
  async #starter(caller: Caller, label: string): Promise<string> {
    let by = boundsIn(starterIn(label)).label;
    for (let depth = 0; depth < MOST_STARTERS; depth++) {
      const job = parseJobId(JOB_LABEL.exec(by)?.[1] ?? "");
      if (job === undefined) return by;
      by = boundsIn(starterIn(await this.#madeBy(caller, job))).label;
    }
    throw notKnown();
  }

  async #madeBy(caller: Caller, job: JobId): Promise<string> {
    const { createdBy } = await this.#parts.record(caller, job).catch(() => ({ createdBy: undefined }));
    if (createdBy === undefined) throw notKnown();
    return createdBy;
  }

  /** Administrators of the workspace are in all groups; everybody who has an account in it is in `all`. */
  async #isOfGroups({ principal, reach, workspace }: Caller, groups: readonly string[]): Promise<boolean> {
    const member = reach?.member;
    if (principal.accountId === undefined || member?.role === "admin" || principal.isInstanceAdmin === true) return true;
    if (member === undefined) return false;
    return groups.includes("all") || isInGroups(this.#parts.pool, workspace.id, member.account, groups);
  }

  async #claims(token: string): Promise<ApprovalClaims> {
    const claims = readApproval(await this.#parts.secret(), token);
    if (claims === undefined) throw new AppError("not_found", NO_LINK);
    return claims;
  }

  async #waiting(workspace: WorkspaceId, flow: JobId, step: Place | undefined): Promise<Waiting> {
    const run = await this.#parts.reader.run(workspace, flow);
    const views = suspended(run).filter(({ place }) => step === undefined || place === step);
    const [view] = views;
    const what = step === undefined ? "no step of the run waits for people" : `step ${step} does not wait for people`;
    if (view === undefined) throw new AppError("failed_precondition", `${what} at the moment`);
    if (views.length > 1) throw new AppError("invalid_argument", "several steps wait: name one", { fields: [{ pointer: "/step", message: "is missing" }] });
    const module = moduleAt(run.flow.definition, view.place);
    if (module?.suspend === undefined) throw new AppError("internal", `the step at ${view.place} has no rule for people`);
    return { run, view, module, rule: module.suspend };
  }

  /** As an event of the run, or on its way to become one. */
  async #hasAnswered(claims: ApprovalClaims): Promise<boolean> {
    // In this order: an answer leaves its table in the transaction of its event.
    if (await hasApproval(this.#parts.pool, claims)) return true;
    return (await this.#given(claims)).some(({ approver }) => approver === claims.approver);
  }

  /** Answers that are events of the run. */
  async #given({ workspace, flow: id, place }: ApprovalClaims): Promise<readonly Approval[]> {
    const { flow, state } = await this.#parts.reader.run(workspace, id);
    return givenApprovals(flow.definition, state, place);
  }

  async #take({ claims, approved, payload, actor, root }: Answer, { formSchema }: SuspendRule): Promise<void> {
    const given = withinBounds(textOf(payload));
    // Who refuses need not fill in anything.
    const text = approved && formSchema !== undefined ? await this.#filled(claims, formSchema, given, root) : given;
    await this.#checkRoom(claims, Buffer.byteLength(text));
    if ((await this.#hasAnswered(claims)) || !(await this.#insert(claims, approved, text, actor))) throw answeredAlready(claims);
    this.#parts.answered();
  }

  /** The payload with what the form adds to it. */
  async #filled(claims: ApprovalClaims, form: Json, given: string, root: string): Promise<string> {
    if (await this.#hasAnswered(claims)) throw answeredAlready(claims);
    const filled = withinBounds(await this.#parts.fillForm(claims, form, given, root));
    // A slow check may have taken so long that the run has gone on.
    await this.#waiting(claims.workspace, claims.flow, claims.place);
    return filled;
  }

  /** All payloads are in the state of the run for as long as expressions may ask for them. */
  async #checkRoom(claims: ApprovalClaims, bytes: number): Promise<void> {
    // In this order, as in #hasAnswered; one that became an event in between is found in both.
    const found = await pendingAnswers(this.#parts.pool, claims);
    const { flow, state } = await this.#parts.reader.run(claims.workspace, claims.flow);
    const given = givenApprovals(flow.definition, state, claims.place);
    const isGiven = ({ place, approver }: PendingAnswer): boolean => place === claims.place && given.some((one) => one.approver === approver);
    const pending = found.filter((answer) => !isGiven(answer));
    const step = bytesOf(pending.filter(({ place }) => place === claims.place)) + payloadBytes(given);
    if (step + bytes > RUN_LIMITS.approvalsBytes)
      throw new AppError("out_of_range", `the payloads of the step's answers are larger than ${RUN_LIMITS.approvalsBytes} bytes of JSON together: send less`);
    if (bytesOf(pending) + payloadBytes(keptApprovals(state)) + bytes > RUN_LIMITS.runApprovalsBytes)
      throw new AppError("out_of_range", `the payloads that the run keeps are larger than ${RUN_LIMITS.runApprovalsBytes} bytes of JSON together: send less`);
  }

  async #insert(claims: ApprovalClaims, approved: boolean, payload: string, actor: string): Promise<boolean> {
    const { workspace, flow, place } = claims;
    return inTransaction(this.#parts.pool, async (client) => {
      const inserted = await insertApproval(client, claims, approved, payload);
      const event = { workspace, actor, action: approved ? "steps:approve" : "steps:refuse", target: `job ${flow}`, detail: { step: place } };
      if (inserted) await recordAudit(client, event);
      return inserted;
    });
  }
}

const bytesOf = (answers: readonly PendingAnswer[]): number => answers.reduce((sum, { bytes }) => sum + bytes, 0);

/** JSON text. Errors: out_of_range. */
function textOf(payload: unknown): string {
  try {
    return payload === undefined ? "null" : JSON.stringify(payload);
  } catch (error) {
    // It was JSON, so it is the stack that was not enough.
    throw new AppError("out_of_range", "the payload is nested too deep", { cause: error });
  }
}

/** @returns the payload as it is. Errors: out_of_range. */
function withinBounds(payload: string): string {
  if (Buffer.byteLength(payload) > RUN_LIMITS.approvalBytes)
    throw new AppError("out_of_range", `the payload is larger than ${RUN_LIMITS.approvalBytes} bytes of JSON`);
  return payload;
}

function answeredAlready({ approver }: ApprovalClaims): AppError {
  return new AppError("failed_precondition", `${approver} has answered already`);
}

function notKnown(): AppError {
  return new AppError("permission_denied", "it is not known any more who started the run, and they may not approve it");
}

function payloadBytes(approvals: readonly Approval[]): number {
  return approvals.reduce((sum, { payload }) => sum + Buffer.byteLength(payload), 0);
}

function suspended({ flow, state }: ReplayedRun): StepView[] {
  return stepsOf(flow.definition, state).filter(({ status }) => status === "suspended");
}
