import pg from "pg";
import { until, type World } from "./harness.ts";

/** What a real run leaves behind: what callers were told, and what the database says in the end. */
export interface RunHistory {
  /** Jobs whose acceptance was answered. */
  readonly acknowledged: readonly string[];
  /** Ends that callers or agents saw before: they must not change. */
  readonly seenEnds?: readonly { readonly id: string; readonly result: unknown }[];
  /** False when jobs of the run may fail or be cancelled. */
  readonly allSucceed?: boolean;
}

interface Counts {
  readonly waiting: number;
  readonly running: number;
  readonly twice: number;
  readonly missing: number;
  readonly elsewhere: number;
  readonly unsuccessful: number;
  readonly sharedTokens: number;
  readonly withoutPayload: number;
}

const UNDER_WAY = "SELECT FROM job_pending UNION ALL SELECT FROM job_running LIMIT 1";

const COUNTS = `SELECT
  (SELECT count(*) FROM job_pending)::int AS waiting,
  (SELECT count(*) FROM job_running)::int AS running,
  (SELECT count(*) FROM (SELECT id FROM job_done GROUP BY id HAVING count(*) > 1) AS t)::int AS twice,
  (SELECT count(*) FROM unnest($1::uuid[]) AS a(id) WHERE NOT EXISTS (SELECT 1 FROM job_done d WHERE d.id = a.id))::int AS missing,
  (SELECT count(*) FROM job_done d WHERE EXISTS (SELECT 1 FROM job_pending p WHERE p.id = d.id) OR EXISTS (SELECT 1 FROM job_running r WHERE r.id = d.id))::int AS elsewhere,
  (SELECT count(*) FROM job_done WHERE outcome <> 0)::int AS unsuccessful,
  (SELECT count(*) FROM (SELECT token FROM job_done WHERE token IS NOT NULL GROUP BY token HAVING count(*) > 1) AS t)::int AS "sharedTokens",
  (SELECT count(*) FROM job_done d WHERE NOT EXISTS (SELECT 1 FROM job j WHERE j.workspace_id = d.workspace_id AND j.id = d.id))::int AS "withoutPayload"`;

/**
 * The promises over a real run, when it is over: each acknowledged job is in history once and nowhere else, each attempt's token is there
 * once, nothing waits or runs, and what was seen is still so. Waits for the run to end. @returns what does not hold
 */
export async function checkHistory(databaseUrl: string, history: RunHistory, withinMs = 60_000): Promise<string[]> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 });
  pool.on("error", () => undefined);
  try {
    await until("nothing waits or runs any more", async () => (await pool.query(UNDER_WAY)).rowCount === 0, withinMs);
    const now = (await pool.query<Counts>(COUNTS, [history.acknowledged])).rows[0];
    if (now === undefined) return ["the database does not answer"];
    const wrong: string[] = [];
    if (now.waiting + now.running > 0) wrong.push("jobs wait or run again");
    if (now.missing > 0) wrong.push(`${now.missing} acknowledged jobs are not in history`);
    if (now.twice > 0) wrong.push(`${now.twice} jobs are in history twice`);
    if (now.elsewhere > 0) wrong.push(`${now.elsewhere} jobs are in history and in a queue`);
    if (now.sharedTokens > 0) wrong.push(`${now.sharedTokens} tokens ended two jobs`);
    if (now.withoutPayload > 0) wrong.push(`${now.withoutPayload} jobs have no payload`);
    if (history.allSucceed !== false && now.unsuccessful > 0) wrong.push(`${now.unsuccessful} jobs did not succeed`);
    for (const { id, result } of history.seenEnds ?? []) {
      const { rows } = await pool.query<{ result: string }>("SELECT result FROM job_done WHERE id = $1", [id]);
      if (JSON.stringify(JSON.parse(rows[0]?.result ?? "null")) !== JSON.stringify(result)) wrong.push(`the result of ${id} has changed`);
    }
    return wrong;
  } finally {
    await pool.end();
  }
}

/** Between two batches of a caller: a server that is always busy leaves no processor to who kills and starts it. */
const PAUSE_MS = 25;

/** Jobs that callers keep sending while something is done to the system. */
export class Load {
  readonly acknowledged: string[] = [];
  readonly #loops: Promise<void>[];
  #on = true;

  constructor(world: World, options: { callers?: number; batch?: number; args?: Record<string, unknown> } = {}) {
    const jobs = Array.from({ length: options.batch ?? 20 }, (_, value) => ({ args: { value, ...options.args } }));
    const call = async (): Promise<void> => {
      while (this.#on) {
        const answer = await world.api<{ ids?: string[] }>("POST", "/jobs/batch", { script: "f/load/noop", jobs }).catch(() => undefined);
        this.acknowledged.push(...(answer?.body.ids ?? []));
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    };
    this.#loops = Array.from({ length: options.callers ?? 1 }, call);
  }

  /** Resolves when that many more jobs have been accepted. */
  async more(count: number, withinMs = 60_000): Promise<void> {
    const before = this.acknowledged.length;
    await until("jobs are accepted", async () => this.acknowledged.length >= before + count, withinMs);
  }

  async stop(): Promise<void> {
    this.#on = false;
    await Promise.all(this.#loops);
  }
}
