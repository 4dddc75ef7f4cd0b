import { OUTCOMES, type Outcome } from "../../../kernel/exit.ts";
import { type AgentKey, asAgentKey, asJobId, asWorkspaceId, type JobId, type WorkspaceId } from "../../../kernel/ids.ts";
import type { Pool } from "../../db/pools.ts";
import { reasonNumber } from "../../jobs/flush-codec.ts";
import { type JobKind, type JobRef, kindOf } from "../../jobs/model.ts";
import { stepOf } from "../../jobs/policy-codec.ts";
import { FLOW_AGENT, FLOW_LANGUAGE } from "../../scheduler/core/flow-agent.ts";
import type { StepOf } from "../../scheduler/core/retry-core.ts";
import type { FlowEvent, Place } from "../core/model.ts";
import type { FlowState } from "../core/state.ts";
import { decodeEvents, decodeState } from "./flow-codec.ts";

/** What runs: a version of a flow by its hash, or a document of its own. */
export interface FlowSource {
  readonly kind: JobKind;
  readonly scriptHash: string | undefined;
  readonly code: string | undefined;
  readonly argsJson: string;
  readonly createdBy: string;
}

/** A run as the tables have it: a state, and the events after it. */
export interface StoredRun {
  readonly source: FlowSource;
  /** False for jobs that are no runs of flows. */
  readonly isFlow: boolean;
  readonly state: FlowState | undefined;
  /** Number of the last event that is in the state. */
  readonly stateSeq: number;
  readonly events: readonly FlowEvent[];
}

/** The events of one transition. */
export interface RecordedRow {
  /** Number of the last of them. */
  readonly seq: number;
  readonly events: readonly FlowEvent[];
}

interface StoredEnd {
  readonly outcome: Outcome;
  readonly resultJson: string;
  /** Where it ran; undefined when it never began. */
  readonly agent: AgentKey | undefined;
  readonly folderLost: boolean;
}

/** An answer of a person that has not become an event yet. */
export interface StoredApproval {
  readonly number: string;
  readonly flow: JobRef;
  readonly place: Place;
  readonly approver: string;
  readonly approved: boolean;
  readonly payload: string;
}

export interface FlowRunStore {
  /** What a run is of, without its events. Undefined: there is no such run. */
  source(workspace: WorkspaceId, flow: JobId): Promise<FlowSource | undefined>;
  /** Undefined: there is no such job. */
  load(workspace: WorkspaceId, flow: JobId): Promise<StoredRun | undefined>;
  /** Rows of events after the one with a number, in their order: as many as hold `most` events. The first may begin before, the last go on after these. */
  events(workspace: WorkspaceId, flow: JobId, after: number, most: number): Promise<RecordedRow[]>;
  /** Ends of jobs as far as they are in history. */
  ends(workspace: WorkspaceId, jobs: readonly JobId[]): Promise<Map<JobId, StoredEnd>>;
  /** References of a list's values in the order of their indices, from one on. */
  items(workspace: WorkspaceId, flow: JobId, place: Place, from: number, limit: number): Promise<{ index: number; json: string }[]>;
  /** The piece of a loop's list that has the item: its first index, and JSON text of its items. */
  piece(workspace: WorkspaceId, flow: JobId, place: Place, index: number): Promise<{ first: number; json: string } | undefined>;
  /** Those of the flows that only wait for a moment, or for people. */
  asleep(flows: readonly JobId[]): Promise<Set<JobId>>;
  /** Whose step a job is; undefined when it is none. */
  stepOf(workspace: WorkspaceId, job: JobId): Promise<StepOf | undefined>;
  /** A result that is kept under a key, see kept-results.ts. */
  kept(workspace: WorkspaceId, key: string): Promise<string | undefined>;
  /** Lets go of results whose time is over, so many at most. @returns how many */
  forgetKept(limit: number): Promise<number>;
  /** Runs of these shards that have ended and of whose steps some are to be deleted. */
  used(shards: readonly number[], limit: number): Promise<JobRef[]>;
  /** Deletes results, arguments and output of jobs of a run. @param last notes that nothing of it is left to be deleted */
  deleteUsed(run: JobRef, jobs: readonly JobId[], last: boolean): Promise<void>;
  /** Answers for flows of these shards, oldest first. */
  approvals(shards: readonly number[], limit: number): Promise<StoredApproval[]>;
  /** Takes answers away that come too late: those for runs that have ended. Others stay, whatever the caller believes of their runs. */
  dropApprovals(numbers: readonly string[]): Promise<void>;
}

interface SourceRow {
  kind: number;
  language: string;
  script_hash: string | null;
  code: string | null;
  args: string;
  created_by: string;
}

/** Of the column. */
const MOST_SEQ = 2_147_483_647;
const SOURCE = "SELECT kind, language, script_hash, code, args, created_by FROM job WHERE workspace_id = $1 AND id = $2";

/** Reads of the engine, on the owner's pool: they never wait behind those of the API. */
export function createFlowRunStore(pool: Pool): FlowRunStore {
  return {
    async source(workspace, flow) {
      const { rows } = await pool.query<SourceRow>(SOURCE, [workspace, flow]);
      return rows[0]?.language === FLOW_LANGUAGE ? sourceOf(rows[0]) : undefined;
    },

    async load(workspace, flow) {
      const of = [workspace, flow];
      const [source, snapshot] = await Promise.all([
        pool.query<SourceRow>(SOURCE, of),
        pool.query<{ seq: number; state: string }>(
          "SELECT seq, state FROM flow_event WHERE workspace_id = $1 AND id = $2 AND state IS NOT NULL ORDER BY seq DESC LIMIT 1",
          of,
        ),
      ]);
      const [row, state] = [source.rows[0], snapshot.rows[0]];
      if (row === undefined) return undefined;
      const stateSeq = state?.seq ?? 0;
      const { rows } = await pool.query<{ events: string }>("SELECT events FROM flow_event WHERE workspace_id = $1 AND id = $2 AND seq > $3 ORDER BY seq", [
        workspace,
        flow,
        stateSeq,
      ]);
      return {
        source: sourceOf(row),
        isFlow: row.language === FLOW_LANGUAGE,
        state: state === undefined ? undefined : decodeState(state.state),
        stateSeq,
        events: rows.flatMap(({ events }) => decodeEvents(events)),
      };
    },

    async events(workspace, flow, after, most) {
      // A row has up to some hundreds: so many rows would be a hundred times as much.
      const { rows } = await pool.query<{ seq: number; events: string }>(
        `SELECT seq, events FROM flow_event WHERE workspace_id = $1 AND id = $2 AND seq > $3 AND seq <= coalesce(
           (SELECT min(seq) FROM flow_event WHERE workspace_id = $1 AND id = $2 AND seq >= $4), $4) ORDER BY seq`,
        [workspace, flow, after, Math.min(after + most, MOST_SEQ)],
      );
      return rows.map(({ seq, events }) => ({ seq, events: decodeEvents(events) }));
    },

    async ends(workspace, jobs) {
      if (jobs.length === 0) return new Map();
      const { rows } = await pool.query<EndRow>(
        `SELECT id::text, outcome, result, exit_reason = $3 AS folder_lost, CASE WHEN started_at IS NOT NULL THEN agent_key::text END AS agent
         FROM job_done WHERE workspace_id = $1 AND id = ANY($2::uuid[])`,
        [workspace, jobs, reasonNumber("folder_lost")],
      );
      return new Map(rows.map((row) => [asJobId(row.id), storedEnd(row)]));
    },

    async items(workspace, flow, place, from, limit) {
      const { rows } = await pool.query<{ index: number; json: string }>(
        `SELECT index, value AS json FROM flow_item WHERE workspace_id = $1 AND id = $2 AND place = $3 AND part = 1 AND index >= $4
         ORDER BY index LIMIT $5`,
        [workspace, flow, place, from, limit],
      );
      return rows;
    },

    async piece(workspace, flow, place, index) {
      const { rows } = await pool.query<{ first: number; json: string }>(
        `SELECT index AS first, value AS json FROM flow_item WHERE workspace_id = $1 AND id = $2 AND place = $3 AND part = 0 AND index <= $4
         ORDER BY index DESC LIMIT 1`,
        [workspace, flow, place, index],
      );
      return rows[0];
    },

    async asleep(flows) {
      const { rows } = await pool.query<{ id: string }>("SELECT id::text FROM flow_live WHERE id = ANY($1::uuid[]) AND NOT awake", [flows]);
      return new Set(rows.map((row) => asJobId(row.id)));
    },

    async stepOf(workspace, job) {
      const { rows } = await pool.query<{ policy: string | null }>("SELECT policy FROM job WHERE workspace_id = $1 AND id = $2", [workspace, job]);
      const policy = rows[0]?.policy;
      return policy === null || policy === undefined ? undefined : stepOf(policy);
    },

    async kept(workspace, key) {
      const { rows } = await pool.query<{ result: string }>("SELECT result FROM flow_cache WHERE workspace_id = $1 AND key = $2 AND expires_at > now()", [
        workspace,
        key,
      ]);
      return rows[0]?.result;
    },

    async forgetKept(limit) {
      const { rowCount } = await pool.query(
        `DELETE FROM flow_cache WHERE (workspace_id, key) IN (
           SELECT workspace_id, key FROM flow_cache WHERE expires_at < now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)`,
        [limit],
      );
      return rowCount ?? 0;
    },

    async used(shards, limit) {
      const { rows } = await pool.query<{ workspace_id: string; id: string; shard: number }>(
        "SELECT workspace_id::text, id::text, shard FROM flow_used WHERE shard = ANY($1::smallint[]) ORDER BY workspace_id, id LIMIT $2",
        [shards, limit],
      );
      return rows.map(({ workspace_id, id, shard }) => ({ workspace: asWorkspaceId(workspace_id), id: asJobId(id), shard }));
    },

    async deleteUsed({ workspace, id }, jobs, last) {
      const of = [workspace, jobs];
      await pool.query("UPDATE job_done SET result = NULL WHERE workspace_id = $1 AND id = ANY($2::uuid[])", of);
      await pool.query("UPDATE job SET args = '{}' WHERE workspace_id = $1 AND id = ANY($2::uuid[])", of);
      await pool.query("DELETE FROM job_log WHERE workspace_id = $1 AND job_id = ANY($2::uuid[])", of);
      if (last) await pool.query("DELETE FROM flow_used WHERE workspace_id = $1 AND id = $2", [workspace, id]);
    },

    async approvals(shards, limit) {
      const { rows } = await pool.query<ApprovalRow>(
        `SELECT number::text, workspace_id::text, id::text, shard, place, approver, approved, payload FROM flow_approval
         WHERE shard = ANY($1::smallint[]) ORDER BY number LIMIT $2`,
        [shards, limit],
      );
      return rows.map(({ number, workspace_id, id, shard, place, approver, approved, payload }) => ({
        number,
        flow: { id: asJobId(id), workspace: asWorkspaceId(workspace_id), shard },
        place,
        approver,
        approved,
        payload,
      }));
    },

    async dropApprovals(numbers) {
      await pool.query(
        `DELETE FROM flow_approval a WHERE a.number = ANY($1::bigint[])
           AND (EXISTS (SELECT 1 FROM job_done d WHERE d.workspace_id = a.workspace_id AND d.id = a.id)
             OR NOT EXISTS (SELECT 1 FROM job j WHERE j.workspace_id = a.workspace_id AND j.id = a.id))`,
        [numbers],
      );
    },
  };
}

interface EndRow {
  id: string;
  outcome: number;
  result: string | null;
  folder_lost: boolean;
  agent: string | null;
}

function storedEnd({ outcome, result, folder_lost, agent }: EndRow): StoredEnd {
  const known = agent === null || agent === FLOW_AGENT ? undefined : asAgentKey(agent);
  return { outcome: OUTCOMES[outcome] ?? "failed", resultJson: result ?? "null", agent: known, folderLost: folder_lost };
}

interface ApprovalRow {
  number: string;
  workspace_id: string;
  id: string;
  shard: number;
  place: string;
  approver: string;
  approved: boolean;
  payload: string;
}

function sourceOf(row: SourceRow): FlowSource {
  return {
    kind: kindOf(row.kind),
    scriptHash: row.script_hash ?? undefined,
    code: row.code ?? undefined,
    argsJson: row.args,
    createdBy: row.created_by,
  };
}
