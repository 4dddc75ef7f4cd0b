import { type AgentKey, asAgentKey, asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import type { Pool } from "../db/pools.ts";
import { type HelloOrder, OVERTAKEN_WITHIN_S } from "./agent-store.ts";

/** A lapsed credential can be renewed with the key alone for this long; after that the agent must join again. */
const RENEWABLE_S = 24 * 60 * 60;

interface Joining {
  readonly tokenId: string;
  readonly workspace: WorkspaceId;
  readonly agentId: string;
  readonly publicKey: Uint8Array;
  readonly name: string;
  readonly allowedTags: readonly string[];
  readonly ttlMs: number;
}

/** joined · revoked: somebody revoked this key · elsewhere: it belongs to another workspace · spent: the token has no use left */
export type JoinOutcome = "joined" | "revoked" | "elsewhere" | "spent";

/**
 * Makes the agent of a key, or renews what it has. A key that joined by this token before does not use it up again: answers get lost.
 * In one transaction: a use is taken only together with the agent that it is for.
 */
export async function joinAgent(pool: Pool, joining: Joining): Promise<JoinOutcome> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const outcome = await join(joining, (text, values) => client.query(text, values));
    await client.query(outcome === "joined" ? "COMMIT" : "ROLLBACK");
    return outcome;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    client.release();
  }
}

type Query = <Row extends object>(text: string, values: unknown[]) => Promise<{ rows: Row[]; rowCount: number | null }>;

async function join({ tokenId, workspace, agentId, publicKey, name, allowedTags, ttlMs }: Joining, query: Query): Promise<JoinOutcome> {
  // The lock on the token's row puts those who join by it in a row.
  await query("SELECT 1 FROM agent_join_token WHERE id = $1 FOR UPDATE", [tokenId]);
  const { rows } = await query<{ same: boolean; revoked: boolean; joined_by: string | null }>(
    "SELECT workspace_id IS NOT DISTINCT FROM $2::bigint AS same, revoked_at IS NOT NULL AS revoked, joined_by FROM agent WHERE agent_id = $1 FOR UPDATE",
    [agentId, workspace],
  );
  const known = rows[0];
  if (known?.same === false) return "elsewhere";
  if (known?.revoked === true) return "revoked";
  if (known?.joined_by !== tokenId) {
    const used = await query("UPDATE agent_join_token SET used = used + 1 WHERE id = $1 AND used < max_uses RETURNING id", [tokenId]);
    if (used.rowCount === 0) return "spent";
  }
  await query(
    `INSERT INTO agent (agent_id, name, workspace_id, token_id, public_key, joined_by, joined_at, allowed_tags, credential_until)
     VALUES ($1, $2, $3, $4, $5, $4, clock_timestamp(), $6, clock_timestamp() + make_interval(secs => $7))
     ON CONFLICT (agent_id) DO UPDATE SET name = excluded.name, token_id = excluded.token_id, joined_by = excluded.joined_by,
       joined_at = excluded.joined_at, allowed_tags = excluded.allowed_tags, credential_until = excluded.credential_until`,
    [agentId, name, workspace, tokenId, Buffer.from(publicKey), allowedTags, ttlMs / 1000],
  );
  return "joined";
}

export interface EnrolledSession {
  readonly agentId: string;
  readonly name: string;
  readonly publicKey: Uint8Array;
  readonly order: HelloOrder;
}

/** overtaken: a newer Hello came before · revoked · lapsed: it was away for too long · unknown: no agent has this key */
export type EnrolledRegistration =
  | {
      readonly kind: "registered";
      readonly key: AgentKey;
      readonly serial: number;
      readonly workspace: WorkspaceId;
      readonly workspaceName: string;
      readonly allowedTags: readonly string[];
      readonly paused: boolean;
      readonly leave: boolean;
      /** Until its newest credential lapses; negative when it has. */
      readonly leftMs: number;
    }
  | { readonly kind: "overtaken" | "revoked" | "lapsed" | "unknown" };

interface EnrolledRow {
  id: string;
  serial: number;
  workspace_id: string;
  workspace_name: string;
  allowed_tags: string[];
  paused: boolean;
  leave: boolean;
  left_ms: number;
}

/** `registerSession` for an agent with a key of its own: the same order of Hellos, and its row says whether it is still one of ours. */
export async function registerEnrolled(pool: Pool, { agentId, name, publicKey, order }: EnrolledSession): Promise<EnrolledRegistration> {
  const { rows } = await pool.query<EnrolledRow>(
    `UPDATE agent SET name = $2, connected_at = clock_timestamp(), hello_start = $4, hello_dial = $5, sessions = sessions + 1,
       leave_asked_at = CASE WHEN $4 > hello_start THEN NULL ELSE leave_asked_at END
     FROM workspace w
     WHERE agent_id = $1 AND public_key = $3 AND w.id = agent.workspace_id AND revoked_at IS NULL
       AND credential_until > clock_timestamp() - make_interval(secs => ${RENEWABLE_S})
       AND ((hello_start, hello_dial) < ($4, $5) OR connected_at < clock_timestamp() - make_interval(secs => ${OVERTAKEN_WITHIN_S}))
     RETURNING agent.id::text, sessions::float8 AS serial, workspace_id::text, w.name AS workspace_name, allowed_tags, paused_at IS NOT NULL AS paused,
       leave_asked_at IS NOT NULL AS leave, (extract(epoch FROM credential_until - clock_timestamp()) * 1000)::float8 AS left_ms`,
    [agentId, name, Buffer.from(publicKey), order.start, order.dial],
  );
  const row = rows[0];
  if (row !== undefined) {
    const { serial, paused, leave } = row;
    const workspace = asWorkspaceId(row.workspace_id);
    return {
      kind: "registered",
      key: asAgentKey(row.id),
      serial,
      paused,
      leave,
      workspace,
      workspaceName: row.workspace_name,
      allowedTags: row.allowed_tags,
      leftMs: row.left_ms,
    };
  }
  const why = await pool.query<{ revoked: boolean; lapsed: boolean }>(
    `SELECT revoked_at IS NOT NULL AS revoked, credential_until <= clock_timestamp() - make_interval(secs => ${RENEWABLE_S}) AS lapsed
     FROM agent WHERE agent_id = $1 AND public_key = $2`,
    [agentId, Buffer.from(publicKey)],
  );
  const found = why.rows[0];
  if (found === undefined) return { kind: "unknown" };
  return { kind: found.revoked ? "revoked" : found.lapsed ? "lapsed" : "overtaken" };
}

/** Notes new credentials for these agents. @returns those that may have one: a revoked agent does not */
export async function renewCredentials(pool: Pool, keys: readonly AgentKey[], ttlMs: number): Promise<AgentKey[]> {
  const { rows } = await pool.query<{ id: string }>(
    `UPDATE agent SET credential_until = clock_timestamp() + make_interval(secs => $2)
     WHERE id = ANY($1::bigint[]) AND revoked_at IS NULL AND public_key IS NOT NULL RETURNING id::text`,
    [keys, ttlMs / 1000],
  );
  return rows.map((row) => asAgentKey(row.id));
}
