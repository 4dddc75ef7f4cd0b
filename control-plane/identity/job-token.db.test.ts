import type pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Clock } from "../../kernel/clock.ts";
import { asAgentKey, asToken, asWorkspaceId, createJobIdGenerator } from "../../kernel/ids.ts";
import { jobTokenKey, mintJobToken } from "../../kernel/job-token.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { workspaceOfRunning } from "../jobs/attempt-store.ts";
import { shardOf } from "../jobs/model.ts";
import { createAuthenticator } from "./authenticate.ts";

const SECRET = Buffer.alloc(32, 3);
const workspace = asWorkspaceId("77");
const claims = { issuer: asAgentKey("5"), job: createJobIdGenerator(() => 1_700_000_000_000)(), attempt: asToken("900") };
const text = mintJobToken(jobTokenKey(SECRET, claims.issuer), claims);

let database: TestDatabase;
let pool: pg.Pool;
let nowMs = 0;
const clock: Clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  await pool.query("INSERT INTO workspace (id, name) OVERRIDING SYSTEM VALUE VALUES ($1, 'of-jobs')", [workspace]);
});

afterAll(async () => {
  await pool.end();
  await database.drop();
});

const authenticator = () => createAuthenticator(pool, clock, { secret: SECRET, workspaceOf: (of) => workspaceOfRunning(pool, of) });
const authenticate = (token: string, from = authenticator()) => from.authenticate(`Bearer ${token}`);

async function run(agent: string): Promise<void> {
  await pool.query(
    `INSERT INTO job_running (id, workspace_id, shard, tag, language, prio, ckey, attempt, lost, token, agent_key, claimed_at)
     VALUES ($1, $2, $3, 'default', 'bash', 4, 0, 0, 0, $4, $5, clock_timestamp())`,
    [claims.job, workspace, shardOf(workspace), claims.attempt, agent],
  );
}

const end = (): Promise<unknown> => pool.query("DELETE FROM job_running WHERE id = $1", [claims.job]);

test("a job speaks for itself, in its own workspace, while it runs on the agent that made its token; within a second after its end it no longer does", async () => {
  await expect(authenticate(text)).rejects.toThrow("not of a job that runs");
  await run("5");
  const asked = authenticator();
  expect(await authenticate(text, asked)).toEqual({
    kind: "job",
    tokenId: claims.job,
    label: `job ${claims.job}`,
    workspace,
    workspaceName: "of-jobs",
    job: { id: claims.job, attempt: claims.attempt },
  });
  await end();
  nowMs += 1000;
  await expect(authenticate(text, asked)).rejects.toThrow("not of a job that runs");
});

test("an agent cannot make a token for another agent's attempt, nor for an attempt that is over", async () => {
  await run("6");
  await expect(authenticate(text)).rejects.toThrow("not of a job that runs");
  await end();
  await run("5");
  const later = mintJobToken(jobTokenKey(SECRET, claims.issuer), { ...claims, attempt: asToken("899") });
  await expect(authenticate(later)).rejects.toThrow("not of a job that runs");
  const forged = mintJobToken(jobTokenKey(Buffer.alloc(32, 4), claims.issuer), claims);
  await expect(authenticate(forged)).rejects.toThrow("not of a job that runs");
  expect((await authenticate(text)).kind).toBe("job");
  await end();
});
