import type { AgentView, JoinTokenView, MadeJoinToken, NewJoinToken, OrderView } from "../control-plane/agents/contract.ts";
import type { AuditHeadView, AuditPage } from "../control-plane/audit/contract.ts";
import type { DeployFlowRequest, DeployFlowResponse } from "../control-plane/flows/contract.ts";
import type { FlowEventView, FlowRunView } from "../control-plane/flows/runs/contract.ts";
import type { JobStatus, JobView } from "../control-plane/jobs/contract.ts";
import type { ResourceView } from "../control-plane/resources/contract.ts";
import type { Preview, ScheduleRunView, ScheduleView } from "../control-plane/schedules/contract.ts";
import type { DeployScriptRequest, ScriptView } from "../control-plane/scripts/contract.ts";
import type { VariableView, VariableWithValue } from "../control-plane/variables/contract.ts";
import { AppError, messageOf } from "../kernel/app-error.ts";
import { decodeObject, decodeProblem } from "./api-codec.ts";
import type { Settings } from "./settings.ts";
import type { AskApi } from "./sync/kinds/kind.ts";

export interface JobPage {
  readonly jobs: readonly JobView[];
  readonly next_cursor?: string;
}

export interface JobFilter {
  readonly status?: JobStatus;
  readonly script?: string;
  readonly cursor?: string;
  readonly limit?: number;
}

interface LogRequest {
  readonly follow?: boolean;
  readonly attempt?: number;
  /** Id of the last event that was seen: the stream goes on after it. */
  readonly lastEventId?: string;
  readonly signal?: AbortSignal;
}

/** Variables or resources, as the API calls them. */
export type ThingKind = "variables" | "resources" | "schedules";

interface ThingFilter {
  readonly prefix?: string;
  readonly type?: string;
  readonly cursor?: string;
  readonly limit?: number;
}

export type AuditChain = "workspace" | "instance";

interface AuditFilter {
  readonly actor?: string | undefined;
  readonly action?: string | undefined;
  readonly target?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit?: number;
}

/** The REST API of one workspace. All methods throw AppError; what the server refused is an ApiError. */
export interface ApiClient {
  readonly settings: Settings;
  /**
   * @param body JSON text of a RunJobRequest
   * @param key idempotency key: the same request under it is the same job
   */
  runJob(body: string, key?: string): Promise<JobView>;
  /** A run that is made of an earlier one. @param body JSON text of a RestartRequest */
  restartFlow(id: string, body: string): Promise<JobView>;
  /** An answer for a step that waits for people. @param body JSON text of an AnswerRequest */
  answerStep(id: string, body: string): Promise<{ readonly taken: boolean }>;
  /** @param body JSON text of a StepTestRequest */
  testStep(body: string): Promise<JobView>;
  job(id: string): Promise<JobView>;
  jobs(filter: JobFilter): Promise<JobPage>;
  /** The result's bytes as the server sends them. */
  result(id: string): Promise<Uint8Array>;
  cancel(id: string, reason?: string): Promise<JobView>;
  deploy(script: DeployScriptRequest): Promise<ScriptView & { created: boolean }>;
  deployFlow(flow: DeployFlowRequest): Promise<DeployFlowResponse>;
  /** One version of a script. */
  script(hash: string): Promise<ScriptView>;
  agents(): Promise<readonly AgentView[]>;
  /** Connected or not, those with a key of their own. */
  enrolledAgents(): Promise<readonly { readonly id: string; readonly name: string }[]>;
  orderAgent(id: string, order: "pause" | "resume" | "drain" | "revoke"): Promise<OrderView>;
  createJoinToken(settings: NewJoinToken): Promise<MadeJoinToken>;
  joinTokens(): Promise<readonly JoinTokenView[]>;
  revokeJoinToken(id: string): Promise<void>;
  variables(filter: ThingFilter): Promise<{ readonly variables: readonly VariableView[]; readonly next_cursor?: string }>;
  variable(path: string): Promise<VariableWithValue>;
  resources(filter: ThingFilter): Promise<{ readonly resources: readonly ResourceView[]; readonly next_cursor?: string }>;
  /** A resource as it is stored, as JSON text: numbers keep their digits. */
  resource(path: string): Promise<string>;
  /** @param body JSON text of what is to change */
  putThing(kind: ThingKind, path: string, body: string): Promise<VariableView | ResourceView | ScheduleView>;
  deleteThing(kind: ThingKind, path: string): Promise<void>;
  schedules(filter: ThingFilter): Promise<{ readonly schedules: readonly ScheduleView[]; readonly next_cursor?: string }>;
  /** A schedule as it is stored, as JSON text. */
  schedule(path: string): Promise<string>;
  orderSchedule(path: string, order: "pause" | "resume"): Promise<ScheduleView>;
  runSchedule(path: string): Promise<ScheduleRunView>;
  scheduleRuns(page: { path: string; limit: number; cursor?: string }): Promise<{ readonly runs: readonly ScheduleRunView[]; readonly next_cursor?: string }>;
  previewSchedule(wanted: { cron: string; timezone: string; count: number }): Promise<Preview>;
  /** Of all secrets of the workspace. @returns the version of the new key */
  rotateSecrets(): Promise<{ readonly version: number }>;
  /** Of the workspace, or of the instance. */
  audit(chain: AuditChain, filter: AuditFilter): Promise<AuditPage>;
  auditHead(chain: AuditChain): Promise<AuditHeadView>;
  /** JSON lines. */
  auditExport(chain: AuditChain): Promise<ReadableStream<Uint8Array>>;
  /** The run of a flow, step by step. */
  flowRun(id: string): Promise<FlowRunView>;
  /** What happened in the run of a flow after the event with this number. */
  flowEvents(id: string, after: number): Promise<{ readonly events: readonly FlowEventView[] }>;
  /** Any request below the workspace; the answer is text, so that numbers keep their digits. */
  readonly ask: AskApi;
  /** The open answer: plain text, or an event stream when `follow` is set. */
  logs(id: string, request: LogRequest): Promise<ReadableStream<Uint8Array>>;
}

/** The server itself gives up after 10 s (enqueue) and 30 s (requests). */
const REQUEST_TIMEOUT_MS = 40_000;

export function createApiClient(settings: Settings): ApiClient {
  const base = `${settings.url}/api/v1/w/${encodeURIComponent(settings.workspace)}`;

  interface Extra {
    readonly headers?: Record<string, string>;
    readonly signal?: AbortSignal;
    /** Default: of the workspace. */
    readonly under?: string;
  }

  async function send(method: string, path: string, body?: string, extra: Extra = {}): Promise<Response> {
    const headers: Record<string, string> = { accept: "application/json", ...extra.headers };
    if (settings.token !== undefined) headers["authorization"] = `Bearer ${settings.token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(`${extra.under ?? base}${path}`, {
        method,
        headers,
        redirect: "error",
        signal: extra.signal ?? AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw connectionError(error, settings.url);
    }
    if (response.ok) return response;
    throw decodeProblem(response.status, await readText(response, settings.url).catch(() => ""));
  }

  async function call<T extends object>(method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<T> {
    return decodeObject<T>(await readText(await send(method, path, body, { headers }), settings.url), `${method} ${path}`);
  }

  /** All of a list, page by page. */
  async function everyPage<Page extends object, One>(path: string, of: (page: Page) => readonly One[]): Promise<One[]> {
    const all: One[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await call<Page & { next_cursor?: string }>("GET", `${path}${queryOf({ cursor, limit: 200 })}`);
      all.push(...of(page));
      if (page.next_cursor === undefined) return all;
      cursor = page.next_cursor;
    }
  }

  const baseOf = (chain: AuditChain): string => (chain === "instance" ? `${settings.url}/api/v1` : base);

  async function auditOf<T extends object>(chain: AuditChain, rest: string): Promise<T> {
    return decodeObject<T>(await readText(await send("GET", `/audit${rest}`, undefined, { under: baseOf(chain) }), settings.url), `GET /audit${rest}`);
  }

  return {
    settings,
    runJob: (body, key) => call("POST", "/jobs", body, key === undefined ? {} : { "idempotency-key": key }),
    answerStep: (id, body) => call("POST", `/jobs/${encodeURIComponent(id)}/flow/answer`, body),
    restartFlow: (id, body) => call("POST", `/jobs/${encodeURIComponent(id)}/flow/restart`, body),
    testStep: (body) => call("POST", "/flows/test", body),
    job: (id) => call("GET", `/jobs/${encodeURIComponent(id)}`),
    jobs: (filter) => call("GET", `/jobs${queryOf({ ...filter })}`),
    async result(id) {
      const response = await send("GET", `/jobs/${encodeURIComponent(id)}/result`);
      try {
        return new Uint8Array(await response.arrayBuffer());
      } catch (error) {
        throw connectionError(error, settings.url);
      }
    },
    cancel: (id, reason) => call("POST", `/jobs/${encodeURIComponent(id)}/cancel`, JSON.stringify(reason === undefined ? {} : { reason })),
    script: (hash) => call("GET", `/scripts/by-hash/${encodeURIComponent(hash)}`),
    deploy: (script) => call("POST", "/scripts", JSON.stringify(script)),
    deployFlow: (flow) => call("POST", "/flows", JSON.stringify(flow)),
    agents: async () => (await call<{ agents: readonly AgentView[] }>("GET", "/agents")).agents,
    enrolledAgents: () => everyPage("/agents/enrolled", ({ agents }: { agents: readonly { id: string; name: string }[] }) => agents),
    orderAgent: (id, order) =>
      order === "revoke" ? call("DELETE", `/agents/${encodeURIComponent(id)}`) : call("POST", `/agents/${encodeURIComponent(id)}/${order}`),
    createJoinToken: (settings) => call("POST", "/agents/join-tokens", JSON.stringify(settings)),
    joinTokens: () => everyPage("/agents/join-tokens", ({ tokens }: { tokens: readonly JoinTokenView[] }) => tokens),
    async revokeJoinToken(id) {
      await send("DELETE", `/agents/join-tokens/${encodeURIComponent(id)}`);
    },
    variables: (filter) => call("GET", `/variables${queryOf({ ...filter })}`),
    variable: (path) => call("GET", `/variables/by-path${queryOf({ path })}`),
    resources: (filter) => call("GET", `/resources${queryOf({ ...filter })}`),
    resource: async (path) => readText(await send("GET", `/resources/by-path${queryOf({ path })}`), settings.url),
    putThing: (kind, path, body) => call("PUT", `/${kind}/by-path${queryOf({ path })}`, body),
    async deleteThing(kind, path) {
      await send("DELETE", `/${kind}/by-path${queryOf({ path })}`);
    },
    schedules: (filter) => call("GET", `/schedules${queryOf({ ...filter })}`),
    schedule: async (path) => readText(await send("GET", `/schedules/by-path${queryOf({ path })}`), settings.url),
    orderSchedule: (path, order) => call("POST", `/schedules/${order}${queryOf({ path })}`),
    runSchedule: (path) => call("POST", `/schedules/run${queryOf({ path })}`),
    scheduleRuns: (page) => call("GET", `/schedules/runs${queryOf(page)}`),
    previewSchedule: (wanted) => call("GET", `/schedules/preview${queryOf(wanted)}`),
    rotateSecrets: () => call("POST", "/secrets/rotate"),
    audit: (chain, filter) => auditOf(chain, queryOf({ ...filter })),
    auditHead: (chain) => auditOf(chain, "/head"),
    async auditExport(chain) {
      const response = await send("GET", "/audit/export", undefined, { under: baseOf(chain), signal: new AbortController().signal });
      return response.body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
    flowRun: (id) => call("GET", `/jobs/${encodeURIComponent(id)}/flow`),
    flowEvents: (id, after) => call("GET", `/jobs/${encodeURIComponent(id)}/flow/events${queryOf({ after })}`),
    ask: async (method, path, body, headers = {}) => readText(await send(method, path, body, { headers }), settings.url),
    async logs(id, request) {
      const { follow, attempt, lastEventId, signal } = request;
      const headers: Record<string, string> = { accept: follow === true ? "text/event-stream" : "text/plain" };
      if (lastEventId !== undefined) headers["last-event-id"] = lastEventId;
      const query = queryOf({ follow: follow === true ? "true" : undefined, attempt });
      // Without a limit in time: the caller watches the stream, or the person at the keyboard does.
      const response = await send("GET", `/jobs/${encodeURIComponent(id)}/logs${query}`, undefined, {
        headers,
        signal: signal ?? new AbortController().signal,
      });
      return response.body ?? new ReadableStream({ start: (controller) => controller.close() });
    },
  };
}

async function readText(response: Response, url: string): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw connectionError(error, url);
  }
}

function queryOf(values: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined) query.set(key, String(value));
  return query.size === 0 ? "" : `?${query}`;
}

/** What a failed fetch means for a person. @returns an AppError `unavailable`, `deadline_exceeded` or `cancelled` */
export function connectionError(thrown: unknown, url: string): AppError {
  if (thrown instanceof AppError) return thrown;
  const name = thrown instanceof Error ? thrown.name : "";
  if (name === "TimeoutError") return new AppError("deadline_exceeded", `${url} took longer than ${REQUEST_TIMEOUT_MS / 1000} s to answer`, { cause: thrown });
  if (name === "AbortError") return new AppError("cancelled", "interrupted", { cause: thrown });
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  if (code === "ECONNREFUSED")
    return new AppError("unavailable", `nothing answers at ${url}`, { hint: "start it with `npm start`, or set MILLRACE_URL to where it runs", cause: thrown });
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return new AppError("unavailable", `the host of ${url} is not known`, { hint: "check MILLRACE_URL or --url", cause: thrown });
  return new AppError("unavailable", `the connection to ${url} failed: ${messageOf(cause)}`, { cause: thrown });
}
