import { asJobId, type JobId, lowestJobId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { POLICY_LIMITS } from "./policy-contract.ts";

/** A job that was accepted under a key. */
export interface KeyedJob {
  readonly id: JobId;
  readonly body: string;
}

export interface KeyStore {
  /** Jobs by the keys under which they were accepted, as far as the keys still count. */
  findKeys(workspace: WorkspaceId, keys: readonly string[], nowMs: number): Promise<Map<string, KeyedJob>>;
}

/** Clocks of replicas differ: ids of jobs that were accepted within the longest window may look a little older. */
const SLACK_MS = 60 * 60 * 1000;

export function createKeyStore(pool: Pool): KeyStore {
  return {
    async findKeys(workspace, keys, nowMs) {
      // The bound on the id leaves out partitions in which no key can count any more.
      const { rows } = await pool.query<{ key: string; id: string; body: string }>(
        `SELECT key::text, id::text, body::text FROM job_key
         WHERE workspace_id = $1 AND key = ANY($2::uuid[]) AND id >= $3 AND expires_at > to_timestamp($4::float8 / 1000) ORDER BY job_key.id`,
        [workspace, keys, lowestJobId(nowMs - POLICY_LIMITS.keyWindowS * 1000 - SLACK_MS), nowMs],
      );
      return new Map(rows.map((row) => [row.key, { id: asJobId(row.id), body: row.body }]));
    },
  };
}
