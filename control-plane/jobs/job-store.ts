import { EXIT_REASONS, OUTCOMES } from "../../kernel/exit.ts";
import { type AgentKey, asAgentKey, type JobId, timeOfId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { FLOW_LANGUAGE } from "../scheduler/core/flow-agent.ts";
import type { JobStatus } from "./contract.ts";
import {
  type DoneRow,
  type LiveRow,
  type PayloadRow,
  readAgentNames,
  readDoneRows,
  readFlowPaths,
  readLiveRows,
  readPayloadRows,
  readScriptPaths,
  readVersionPaths,
} from "./job-rows-store.ts";
import { type JobKind, kindOf } from "./model.ts";
import { readProgress } from "./progress-store.ts";

/** A job as history and queue know it. */
export interface JobRecord {
  readonly id: JobId;
  readonly kind: JobKind;
  readonly scriptPath: string | undefined;
  readonly flowPath: string | undefined;
  readonly scriptHash: string | undefined;
  readonly language: string;
  readonly tag: string;
  readonly prio: number;
  /** Concurrency group of a waiting job with limits. */
  readonly group: string | undefined;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly status: JobStatus;
  readonly attempt: number;
  readonly agent: AgentKey | undefined;
  readonly agentName: string | undefined;
  readonly startedAtMs: number | undefined;
  readonly done: DoneRecord | undefined;
  readonly scheduledForMs: number | undefined;
  /** When a job that waits for a moment becomes ready. */
  readonly deferredUntilMs: number | undefined;
  readonly policyText: string | undefined;
  /** What the current or last attempt has said, percent. Of a page: only of jobs that run. */
  readonly progress: number | undefined;
}

export interface DoneRecord {
  readonly reason: (typeof EXIT_REASONS)[number];
  readonly code: number;
  readonly signal: string | undefined;
  readonly message: string | undefined;
  readonly doneAtMs: number;
  readonly runUs: number | undefined;
  readonly logChunks: number;
  readonly logBytes: number;
  readonly logDroppedBytes: number;
}

/**
 * Jobs by id, newest first; those that do not exist are left out. Never reads arguments or results. Each table is asked by itself: one statement
 * that joined them took Postgres four times as long, most of it for the plan (0022). An ended job stays where it is; what has not ended is looked
 * for among those that wait and run, in one snapshot, and once more among the ended, where it may have gone between the two.
 */
export async function readJobs(pool: Pool, workspace: WorkspaceId, ids: readonly JobId[]): Promise<JobRecord[]> {
  const [payloads, ended] = await Promise.all([readPayloadRows(pool, workspace, ids), readDoneRows(pool, workspace, ids)]);
  const done = byId(ended);
  const open = payloads.flatMap(({ id }) => (done.has(id) ? [] : [id]));
  const live = byId(await readLiveRows(pool, workspace, open));
  const gone = open.filter((id) => !live.has(id));
  for (const row of await readDoneRows(pool, workspace, gone)) done.set(row.id, row);
  const running = [...live.values()].flatMap((row) => (row.agent_key === null ? [] : [row.id]));
  const [names, progress] = await Promise.all([
    readNames(pool, workspace, payloads, [...done.values(), ...live.values()]),
    readProgress(pool, workspace, ids.length === 1 ? ids : running),
  ]);
  const newestFirst = payloads.sort((a, b) => (a.id < b.id ? 1 : -1));
  return newestFirst.map((payload) => {
    const record = jobRecord(payload, live.get(payload.id), done.get(payload.id), names);
    const said = progress.get(payload.id);
    return said?.attempt === record.attempt && record.status !== "queued" ? { ...record, progress: said.percent } : record;
  });
}

const byId = <T extends { readonly id: JobId }>(rows: readonly T[]): Map<JobId, T> => new Map(rows.map((row) => [row.id, row]));

/** What ids stand for. */
interface Names {
  readonly scripts: ReadonlyMap<string, string>;
  readonly versions: ReadonlyMap<string, string>;
  readonly flows: ReadonlyMap<string, string>;
  readonly agents: ReadonlyMap<string, string>;
}

async function readNames(pool: Pool, workspace: WorkspaceId, payloads: readonly PayloadRow[], places: readonly Pick<LiveRow, "agent_key">[]): Promise<Names> {
  const scriptIds = new Set(payloads.flatMap((row) => row.script_id ?? []));
  // A job that looks for dependencies is no run of its script.
  const hashes = new Set(payloads.flatMap((row) => (kindOf(row.kind) === "dependencies" ? (row.script_hash ?? []) : [])));
  const flowHashes = new Set(payloads.flatMap((row) => (row.language === FLOW_LANGUAGE ? (row.script_hash ?? []) : [])));
  const agentKeys = new Set(places.flatMap((row) => row.agent_key ?? []));
  const [scripts, versions, flows, agents] = await Promise.all([
    readScriptPaths(pool, workspace, [...scriptIds]),
    readVersionPaths(pool, workspace, [...hashes]),
    readFlowPaths(pool, workspace, [...flowHashes]),
    readAgentNames(pool, [...agentKeys]),
  ]);
  return { scripts, versions, flows, agents };
}

export async function readJob(pool: Pool, workspace: WorkspaceId, id: JobId): Promise<JobRecord | undefined> {
  return (await readJobs(pool, workspace, [id]))[0];
}

/** The result of a job that has ended, as the JSON text that it produced; undefined when there is no such job or it has not ended. */
export async function readResult(pool: Pool, workspace: WorkspaceId, id: JobId): Promise<string | undefined> {
  const { rows } = await pool.query<{ result: string | null }>("SELECT result FROM job_done WHERE workspace_id = $1 AND id = $2", [workspace, id]);
  const row = rows[0];
  return row === undefined ? undefined : (row.result ?? "null");
}

/** The arguments of a job, as JSON text. */
export async function readArgs(pool: Pool, workspace: WorkspaceId, id: JobId): Promise<string | undefined> {
  const { rows } = await pool.query<{ args: string }>("SELECT args FROM job WHERE workspace_id = $1 AND id = $2", [workspace, id]);
  return rows[0]?.args;
}

function jobRecord(payload: PayloadRow, live: LiveRow | undefined, done: DoneRow | undefined, names: Names): JobRecord {
  const agentKey = (done ?? live)?.agent_key ?? undefined;
  const { script_id: scriptId, script_hash: scriptHash } = payload;
  return {
    id: payload.id,
    kind: kindOf(payload.kind),
    scriptPath: names.scripts.get(scriptId ?? "") ?? names.versions.get(scriptHash ?? ""),
    flowPath: names.flows.get(scriptHash ?? ""),
    scriptHash: scriptHash ?? undefined,
    language: payload.language,
    tag: payload.tag,
    prio: payload.prio,
    group: live?.ckey ?? undefined,
    createdBy: payload.created_by,
    createdAtMs: timeOfId(payload.id),
    status: statusOf(live, done),
    attempt: (done ?? live)?.attempt ?? 0,
    agent: agentKey === undefined ? undefined : asAgentKey(agentKey),
    agentName: names.agents.get(agentKey ?? ""),
    startedAtMs: done?.started_ms ?? live?.claimed_ms ?? undefined,
    done: done === undefined ? undefined : doneRecord(done),
    scheduledForMs: payload.scheduled_ms ?? undefined,
    deferredUntilMs: live?.deferred_ms ?? undefined,
    policyText: payload.policy ?? undefined,
    progress: undefined,
  };
}

function statusOf(live: LiveRow | undefined, done: DoneRow | undefined): JobStatus {
  if (done !== undefined) return OUTCOMES[done.outcome] ?? "failed";
  return live?.agent_key == null ? "queued" : "running";
}

function doneRecord(row: DoneRow): DoneRecord {
  return {
    reason: EXIT_REASONS[row.exit_reason] ?? "exit_code",
    code: row.exit_code,
    signal: row.exit_signal ?? undefined,
    message: row.exit_message ?? undefined,
    doneAtMs: row.done_ms,
    runUs: row.run_us === null ? undefined : Number(row.run_us),
    logChunks: row.log_chunks,
    logBytes: Number(row.log_bytes),
    logDroppedBytes: Number(row.log_dropped_bytes),
  };
}
