// What workspaces may use, who did what, and many jobs at once: by the API of one real server without agents, so that jobs stay where they are.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuditPage } from "./audit/contract.ts";
import type { BulkTaskView } from "./bulk/contract.ts";
import type { JobView } from "./jobs/contract.ts";
import { countUsage } from "./quotas/usage-store.ts";
import { type Answer, openServedPlane, type ServedPlane, type Tenant } from "./served-plane.fixture.ts";

const ANONYMOUS_PER_S = 2;
let plane: ServedPlane;

beforeAll(async () => {
  plane = await openServedPlane({ MILLRACE_RATE_ANONYMOUS_PER_S: String(ANONYMOUS_PER_S) });
});
afterAll(() => plane.close());

const WAITING = { code: { language: "bash", content: "true" }, tag: "nobody-serves-this" };

async function deployed(tenant: Tenant): Promise<void> {
  await tenant.api("POST", "/scripts", { path: "f/a/b", language: "bash", content: 'name="$1"\necho "$name"', tag: "nobody-serves-this" });
}

async function untilOver(tenant: Tenant, id: string): Promise<BulkTaskView> {
  let task: BulkTaskView | undefined;
  await expect
    .poll(
      async () => {
        task = (await tenant.api<BulkTaskView>("GET", `/bulk/${id}`)).body;
        return task.state;
      },
      { timeout: 20_000 },
    )
    .not.toBe("running");
  if (task === undefined) throw new Error("the task was looked at");
  return task;
}

describe("the audit log", () => {
  test("has every change of a workspace with who made it, and no values", async () => {
    const tenant = await plane.makeTenant("audited");
    const { api, admin } = tenant;
    await deployed(tenant);
    await deployed(tenant);
    await api("POST", "/flows", { path: "f/a/flow", document: { value: { modules: [{ id: "a", value: { type: "identity" } }] } } });
    await api("PUT", "/variables/by-path?path=f/a/v", { value: "hunter2-hunter2", is_secret: true });
    await api("DELETE", "/variables/by-path?path=f/a/v");
    await api("PUT", "/resource-types/by-name?name=t", { description: "x" });
    await api("PUT", "/resources/by-path?path=f/a/r", { type: "t", value: { key: "hunter2-hunter2" } });
    await api("PUT", "/resources/by-path?path=f/a/state", { type: "state", value: 1 });
    await api("DELETE", "/resources/by-path?path=f/a/r");
    await api("DELETE", "/resource-types/by-name?name=t");
    await admin("PUT", "/limits", { weight: 2 });
    await admin("PUT", "/quotas", { max_queued: 1000 });
    await admin("POST", "/secrets/rotate");
    const { body: joining } = await api<{ id: string }>("POST", "/agents/join-tokens", { label: "x" });
    await api("DELETE", `/agents/join-tokens/${joining.id}`);
    const { body: job } = await api<JobView>("POST", "/jobs", WAITING);
    await api("POST", `/jobs/${job.id}/cancel`, {});
    await api("POST", "/bulk/cancel", { filter: {} });
    const { body, status } = await api<AuditPage>("GET", "/audit");
    expect(status).toBe(200);
    const own = "token of audited";
    const seen = [...body.events]
      .reverse()
      .map(({ actor, action, target, outcome }) => [actor, action, target.replaceAll(/[0-9a-f-]{36}|[0-9A-Za-z]{12}$/g, "…"), outcome]);
    expect(seen).toEqual([
      [own, "scripts:deploy", "script f/a/b", "done"],
      [own, "flows:deploy", "flow f/a/flow", "done"],
      [own, "variables:write", "variable f/a/v", "done"],
      [own, "variables:delete", "variable f/a/v", "done"],
      [own, "resource-types:write", "resource type t", "done"],
      [own, "resources:write", "resource f/a/r", "done"],
      [own, "resources:delete", "resource f/a/r", "done"],
      [own, "resource-types:delete", "resource type t", "done"],
      ["first-admin", "limits:write", "limits", "done"],
      ["first-admin", "quotas:write", "quotas", "done"],
      ["first-admin", "secrets:rotate", "secrets", "done"],
      [own, "join-tokens:create", "join token …", "done"],
      [own, "join-tokens:revoke", "join token …", "done"],
      [own, "jobs:cancel", "job …", "asked"],
      [own, "jobs:cancel-many", "task …", "asked"],
    ]);
    const all = await api<string>("GET", "/audit/export");
    expect(all.headers.get("content-type")).toBe("application/x-ndjson");
    expect(all.body.trimEnd().split("\n").length).toBe(seen.length + 1);
    expect(all.body).not.toContain("hunter2");
    const last = JSON.parse(all.body.trimEnd().split("\n").at(-1) ?? "") as { kind: string; seq: number };
    expect(last).toMatchObject({ kind: "head", ...(await api<object>("GET", "/audit/head")).body });
  });

  test("is paged and filtered, and shows nobody another workspace", async () => {
    const tenant = await plane.makeTenant("paged");
    for (const name of ["a", "b", "c", "d", "e"]) await tenant.api("PUT", `/variables/by-path?path=f/${name}/v`, { value: "x" });
    const first = (await tenant.api<AuditPage>("GET", "/audit?limit=3")).body;
    const second = (await tenant.api<AuditPage>("GET", `/audit?limit=3&cursor=${first.next_cursor}`)).body;
    expect([...first.events, ...second.events].map(({ target }) => target)).toEqual(["e", "d", "c", "b", "a"].map((name) => `variable f/${name}/v`));
    expect(second.next_cursor).toBeUndefined();
    const seqs = async (query: string): Promise<number[]> => (await tenant.api<AuditPage>("GET", `/audit?${query}`)).body.events.map(({ seq }) => seq);
    expect(await seqs("target=variable%20f/c")).toEqual([3]);
    expect(await seqs("actor=nobody")).toEqual([]);
    expect(await seqs("action=variables:write&limit=2")).toEqual([5, 4]);
    const third = second.events.find(({ seq }) => seq === 2);
    expect(await seqs(`to=${third?.at}`)).toEqual(await seqs(`from=2020-01-01T00:00:00Z&to=${third?.at}`));
    expect((await seqs(`from=${third?.at}`)).at(-1)).toBeLessThanOrEqual(2);
    const stranger = await plane.makeTenant("stranger");
    expect((await plane.ask(stranger.token, "paged", "GET", "/audit")).status).toBe(404);
    expect((await stranger.api<AuditPage>("GET", "/audit")).body.events).toEqual([]);
  });

  test("of the instance is for its administrators", async () => {
    const stranger = await plane.makeTenant("no-administrator");
    const ask = (token: string) => fetch(`${plane.server.httpUrl}/api/v1/audit`, { headers: { authorization: `Bearer ${token}` } });
    expect((await ask(stranger.token)).status).toBe(403);
    const denied = async () => ((await (await ask(plane.server.credentials.admin_token)).json()) as AuditPage).events;
    await expect
      .poll(async () => (await denied()).map(({ chain, actor, action, target }) => [chain, actor, action, target]))
      .toEqual([["0", "token of no-administrator", "instance:manage", "GET /api/v1/audit"]]);
  });

  test("a change and its row are there together or not at all", async () => {
    const tenant = await plane.makeTenant("together");
    await plane.pool.query("ALTER TABLE audit_event ADD CONSTRAINT no_more CHECK (target <> 'variable f/a/refused') NOT VALID");
    const refused = await tenant.api("PUT", "/variables/by-path?path=f/a/refused", { value: "x" });
    await plane.pool.query("ALTER TABLE audit_event DROP CONSTRAINT no_more");
    expect(refused.status).toBe(500);
    expect((await tenant.api("GET", "/variables/by-path?path=f/a/refused")).status).toBe(404);
  });

  test("has who tried what they may not, once a minute", async () => {
    const tenant = await plane.makeTenant("denied");
    for (let attempt = 0; attempt < 3; attempt++) expect((await tenant.api("PUT", "/limits", { weight: 9 })).status).toBe(403);
    expect((await tenant.api("POST", "/secrets/rotate")).status).toBe(403);
    const events = async () => (await tenant.api<AuditPage>("GET", "/audit")).body.events;
    await expect.poll(async () => (await events()).length).toBe(2);
    expect((await events()).map(({ actor, action, target, outcome }) => [actor, action, target, outcome]).sort()).toEqual([
      ["token of denied", "limits:write", "PUT /api/v1/w/:workspace/limits", "denied"],
      ["token of denied", "secrets:rotate", "POST /api/v1/w/:workspace/secrets/rotate", "denied"],
    ]);
  });
});

describe("limits and quotas of a workspace", () => {
  test("have ETags: two people's changes do not undo each other", async () => {
    const { admin } = await plane.makeTenant("edited");
    for (const [path, change] of [
      ["/limits", { weight: 2 }],
      ["/quotas", { max_queued: 5 }],
    ] as const) {
      const before = (await admin("GET", path)).headers.get("etag") ?? "";
      const after = await admin("PUT", path, change, { "if-match": before });
      expect(after.status).toBe(200);
      expect((await admin("PUT", path, change, { "if-match": before })).status).toBe(412);
      expect((await admin("GET", path)).headers.get("etag")).toBe(after.headers.get("etag"));
      expect((await admin("PUT", path, change, { "if-match": after.headers.get("etag") ?? "" })).status).toBe(200);
    }
  });

  test.each(["/limits", "/quotas"])("of several changes of %s that build on the same state one is made", async (path) => {
    const { admin } = await plane.makeTenant(`together${path.replace("/", "-")}`);
    for (const weight of [2, 3]) {
      const before = (await admin("GET", path)).headers.get("etag") ?? "";
      const change = path === "/limits" ? { weight } : { max_queued: weight };
      const answers = await Promise.all(Array.from({ length: 6 }, () => admin("PUT", path, change, { "if-match": before })));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
    }
  });

  test("a flood of requests gets 429 with the time when it may go on; the neighbour notices nothing", async () => {
    const [busy, calm] = [await plane.makeTenant("busy"), await plane.makeTenant("calm")];
    await busy.admin("PUT", "/quotas", { requests_per_s: 5 });
    const statuses: number[] = [];
    let refusal: Answer<{ detail: string }> | undefined;
    let flooding = true;
    const flood = Array.from({ length: 4 }, async () => {
      while (flooding) {
        const answer = await busy.api<{ detail: string }>("GET", "/jobs?limit=1");
        statuses.push(answer.status);
        if (answer.status === 429) refusal = answer;
      }
    });
    // How long these take is not for a test: the machine has other work.
    for (let at = 0; at < 40; at++) expect((await calm.api("GET", "/jobs?limit=1")).status).toBe(200);
    flooding = false;
    await Promise.all(flood);
    const answered = statuses.filter((status) => status === 200).length;
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(answered);
    expect(answered).toBeGreaterThanOrEqual(10);
    expect(refusal?.body).toMatchObject({ code: "resource_exhausted", detail: "5 requests per second are answered to this workspace" });
    expect(
      Object.fromEntries(["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"].map((name) => [name, refusal?.headers.get(name)])),
    ).toEqual({
      "ratelimit-limit": "5",
      "ratelimit-remaining": "0",
      "ratelimit-reset": "1",
      "retry-after": "1",
    });
    expect((await calm.api("GET", "/jobs?limit=1")).headers.get("ratelimit-limit")).toBeNull();
  });

  test("one token's requests do not use up another's", async () => {
    const tenant = await plane.makeTenant("tokens");
    const other = await plane.makeToken(tenant.id, "other");
    await tenant.admin("PUT", "/quotas", { token_requests_per_s: 1 });
    const statuses: number[] = [];
    for (let at = 0; at < 5; at++) statuses.push((await tenant.api("GET", "/limits")).status);
    expect(statuses.slice(0, 2)).toEqual([200, 200]);
    expect(statuses).toContain(429);
    expect((await plane.ask(other, "tokens", "GET", "/limits")).status).toBe(200);
  });

  test("jobs beyond the minute are refused whole, and the neighbour's are not", async () => {
    const [busy, calm] = [await plane.makeTenant("minute"), await plane.makeTenant("minute-calm")];
    await Promise.all([deployed(busy), deployed(calm)]);
    await busy.admin("PUT", "/quotas", { jobs_per_minute: 60 });
    const batch = (count: number) => ({ script: "f/a/b", jobs: Array.from({ length: count }, () => ({ args: { name: "x" } })) });
    expect((await busy.api("POST", "/jobs/batch", batch(50))).status).toBe(201);
    const refused = await busy.api<{ detail: string }>("POST", "/jobs/batch", batch(20));
    expect(refused).toMatchObject({ status: 429, body: { detail: "the workspace may start 60 jobs per minute" } });
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(9);
    expect(refused.headers.get("ratelimit-reset")).toBe(refused.headers.get("retry-after"));
    expect((await busy.api("POST", "/jobs/batch", batch(10))).status).toBe(201);
    expect((await busy.api<{ used: { queued: number } }>("GET", "/quotas")).body.used.queued).toBe(60);
    expect((await calm.api("POST", "/jobs/batch", batch(200))).status).toBe(201);
  });

  test("a full queue takes no more, also from many at once, and takes some again when it has room", async () => {
    const tenant = await plane.makeTenant("queue");
    await tenant.admin("PUT", "/quotas", { max_queued: 10 });
    const answers = await Promise.all(Array.from({ length: 25 }, () => tenant.api<JobView>("POST", "/jobs", WAITING)));
    const accepted = answers.filter(({ status }) => status === 201);
    expect([accepted.length, answers.filter(({ status }) => status === 429).length]).toEqual([10, 15]);
    expect(answers.find(({ status }) => status === 429)?.body).toMatchObject({ detail: "the workspace may have 10 jobs waiting" });
    for (const { body } of accepted.slice(0, 3)) await tenant.api("POST", `/jobs/${body.id}/cancel`, {});
    await expect.poll(async () => (await tenant.api("POST", "/jobs", WAITING)).status, { timeout: 5000 }).toBe(201);
  });

  test("a workspace that keeps too much starts nothing more", async () => {
    const tenant = await plane.makeTenant("storage");
    await plane.pool.query(
      "INSERT INTO usage_day (workspace_id, day, jobs, failed, cancelled, run_us, log_bytes, result_bytes) VALUES ($1, current_date - 1, 1, 0, 0, 0, 900, 200)",
      [tenant.id],
    );
    await tenant.admin("PUT", "/quotas", { max_storage_bytes: 1000 });
    const refused = await tenant.api<{ detail: string }>("POST", "/jobs", WAITING);
    expect(refused).toMatchObject({ status: 429, body: { detail: "the workspace keeps 1100 bytes of output and results, and may keep 1000" } });
    expect(refused.headers.get("retry-after")).toBe("3600");
  });
});

describe("many jobs at once", () => {
  test("are counted first, cancelled, and run again, each once", async () => {
    const tenant = await plane.makeTenant("bulk");
    await deployed(tenant);
    const jobs = Array.from({ length: 150 }, (_, at) => ({ args: { name: `n${at}` } }));
    const { body: batch } = await tenant.api<{ ids: string[] }>("POST", "/jobs/batch", { script: "f/a/b", jobs });
    await tenant.api("POST", "/jobs", WAITING);
    const filter = { script: "f/a/b" };
    expect((await tenant.api("POST", "/bulk/cancel", { filter, dry_run: true })).body).toEqual({ matched: 150, more: false });
    expect((await tenant.api("POST", "/bulk/cancel", { filter: { ...filter, created_before: "2020-01-01T00:00:00Z" }, dry_run: true })).body).toMatchObject({
      matched: 0,
    });
    const some = await tenant.api<BulkTaskView>("POST", "/bulk/cancel", { filter, most: 20, reason: "not needed" });
    expect(some.status).toBe(202);
    expect(await untilOver(tenant, some.body.id)).toMatchObject({ state: "done", done: 20, skipped: 0, created_by: "token of bulk" });
    const newest = (await tenant.api<JobView>("GET", `/jobs/${batch.ids.at(-1)}`)).body;
    expect(newest).toMatchObject({ status: "cancelled", exit: { message: "not needed" } });
    const rest = await tenant.api<BulkTaskView>("POST", "/bulk/cancel", { filter: { ...filter, status: "queued" } });
    expect(await untilOver(tenant, rest.body.id)).toMatchObject({ state: "done", done: 130 });
    expect((await tenant.api<{ jobs: JobView[] }>("GET", "/jobs?status=queued")).body.jobs.length).toBe(1);

    const again = await tenant.api<BulkTaskView>("POST", "/bulk/rerun", { filter: { ...filter, status: "cancelled" } });
    expect(await untilOver(tenant, again.body.id)).toMatchObject({ state: "done", done: 150, skipped: 0 });
    const queued = await plane.pool.query<{ args: string }>(
      "SELECT j.args FROM job_pending p JOIN job j USING (workspace_id, id) WHERE p.workspace_id = $1 AND p.script_id IS NOT NULL",
      [tenant.id],
    );
    expect(queued.rows.map(({ args }) => args).sort()).toEqual(jobs.map(({ args }) => JSON.stringify(args)).sort());
  });

  test("a task that was broken off goes on where it was, and runs nothing twice", async () => {
    const tenant = await plane.makeTenant("resumed");
    await deployed(tenant);
    const jobs = Array.from({ length: 100 }, () => ({ args: { name: "x" } }));
    await tenant.api("POST", "/jobs/batch", { script: "f/a/b", jobs });
    await untilOver(tenant, (await tenant.api<BulkTaskView>("POST", "/bulk/cancel", { filter: {} })).body.id);
    const task = (await tenant.api<BulkTaskView>("POST", "/bulk/rerun", { filter: { status: "cancelled" } })).body;
    expect(await untilOver(tenant, task.id)).toMatchObject({ done: 100 });
    // As if the replica had gone in the middle of the second page.
    await plane.pool.query(
      "UPDATE bulk_task SET state = 'running', position = '0 ', done = 0, finished_at = NULL, worked_until = now() - interval '1 minute' WHERE id = $1",
      [task.id],
    );
    expect((await tenant.api<BulkTaskView>("GET", `/bulk/${task.id}`)).body.state).toBe("interrupted");
    expect((await tenant.api("POST", `/bulk/${task.id}/resume`)).status).toBe(200);
    expect(await untilOver(tenant, task.id)).toMatchObject({ state: "done", done: 100 });
    const { rows } = await plane.pool.query<{ count: string }>("SELECT count(*) FROM job_pending WHERE workspace_id = $1", [tenant.id]);
    expect(rows[0]?.count).toBe("100");
    expect((await tenant.api("POST", `/bulk/${task.id}/resume`)).status).toBe(409);
    expect((await tenant.api("POST", `/bulk/${task.id}/stop`)).status).toBe(409);
    const stranger = await plane.makeTenant("resumed-stranger");
    expect((await stranger.api("GET", `/bulk/${task.id}`)).status).toBe(404);
  });

  test("one job runs again as it was, with other arguments, or as the current version", async () => {
    const tenant = await plane.makeTenant("rerun");
    await deployed(tenant);
    const settings = { priority: 7, timeout_ms: 5000, retry: { max_attempts: 3 } };
    const { body: first } = await tenant.api<JobView>("POST", "/jobs", { script: "f/a/b", args: { name: "x", n: 1 }, ...settings });
    expect(first.id).toBeUndefined();
    const { body: job } = await tenant.api<JobView>("POST", "/jobs", { script: "f/a/b", args: { name: "x" }, ...settings });
    const { status, body: same } = await tenant.api<JobView>("POST", `/jobs/${job.id}/rerun`);
    expect(status).toBe(201);
    expect(same).toMatchObject({ hash: job.hash, tag: "nobody-serves-this", priority: 7, retry: { max_attempts: 3 } });
    expect((await tenant.api("GET", `/jobs/${same.id}/args`)).body).toEqual({ name: "x" });
    const { body: edited } = await tenant.api<JobView>("POST", `/jobs/${job.id}/rerun`, { args: { name: "y" } });
    expect((await tenant.api("GET", `/jobs/${edited.id}/args`)).body).toEqual({ name: "y" });
    expect((await tenant.api("POST", `/jobs/${job.id}/rerun`, { args: { nobody: 1 } })).status).toBe(400);
    await tenant.api("POST", "/scripts", { path: "f/a/b", language: "bash", content: 'name="$1"\necho "new $name"' });
    const { body: latest } = await tenant.api<JobView>("POST", `/jobs/${job.id}/rerun`, { latest: true });
    expect(latest.hash).not.toBe(job.hash);
    const { body: inline } = await tenant.api<JobView>("POST", "/jobs", { ...WAITING, args: { n: 1 }, network: "none" });
    const { body: second } = await tenant.api<JobView>("POST", `/jobs/${inline.id}/rerun`);
    expect(second).toMatchObject({ kind: "inline", language: "bash", network: "none", tag: "nobody-serves-this" });
    const flow = { value: { modules: [{ id: "a", value: { type: "identity" }, suspend: { required_events: 1 } }] } };
    const { body: run } = await tenant.api<JobView>("POST", "/jobs", { document: flow, args: { n: 1 } });
    const { body: runAgain } = await tenant.api<JobView>("POST", `/jobs/${run.id}/rerun`);
    expect(runAgain).toMatchObject({ kind: "flow" });
    expect((await tenant.api("POST", "/jobs/01a20000-36dd-7000-aeb1-1bbad5bb6980/rerun")).status).toBe(404);
  });
});

describe("usage", () => {
  test("says by day what has ended, and how", async () => {
    const tenant = await plane.makeTenant("usage");
    const ids: string[] = [];
    for (let at = 0; at < 3; at++) ids.push((await tenant.api<JobView>("POST", "/jobs", WAITING)).body.id);
    for (const id of ids.slice(0, 2)) await tenant.api("POST", `/jobs/${id}/cancel`, {});
    const { body } = await tenant.api<{ days: object[] }>("GET", "/usage");
    const today = new Date().toISOString().slice(0, 10);
    expect(body.days).toEqual([
      { day: today, jobs: 2, failed: 0, cancelled: 2, run_s: 0, log_bytes: 0, result_bytes: expect.any(Number), counted_at: expect.any(String) },
    ]);
    expect((await tenant.api("GET", "/usage?from=2026-02-01&to=2026-01-01")).status).toBe(400);
    expect((await tenant.api("GET", "/usage?from=2020-01-01&to=2020-01-31")).body).toEqual({ days: [] });
  });

  test("stays when the day is let go, and a thinned day is not counted again", async () => {
    const tenant = await plane.makeTenant("usage-kept");
    await tenant.api<JobView>("POST", "/jobs", WAITING);
    const yesterday = "(now() AT TIME ZONE 'UTC')::date - 1";
    await plane.pool.query(
      `INSERT INTO usage_day (workspace_id, day, jobs, failed, cancelled, run_us, log_bytes, result_bytes) VALUES ($1, ${yesterday}, 7, 1, 2, 5000000, 10, 20)`,
      [tenant.id],
    );
    await plane.pool.query(`INSERT INTO partition_record (parent, day, thinned_at) VALUES ('job_done', ${yesterday}, now())`);
    await countUsage(plane.pool, Date.now());
    await plane.pool.query("DELETE FROM partition_record");
    const { body } = await tenant.api<{ days: object[] }>("GET", "/usage");
    expect(body.days.at(-1)).toMatchObject({ jobs: 7, failed: 1, cancelled: 2, run_s: 5, log_bytes: 10, result_bytes: 20 });
  });
});

describe("requests without a good token", () => {
  test("are limited by address, and whoever showed a good one is let in all the same", async () => {
    const tenant = await plane.makeTenant("anonymous");
    expect((await tenant.api("GET", "/jobs")).status).toBe(200);
    const begun = performance.now();
    const statuses: number[] = [];
    for (let at = 0; at < 40; at++) statuses.push((await plane.ask(`guess-${at}`, "anonymous", "GET", "/jobs")).status);
    const refilled = ((performance.now() - begun) / 1000) * ANONYMOUS_PER_S;
    expect(statuses.slice(0, 4)).toEqual([401, 401, 401, 401]);
    expect(statuses).toContain(429);
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(Math.ceil(ANONYMOUS_PER_S * 2 + refilled));
    const burst = await Promise.all(Array.from({ length: 40 }, () => fetch(`${plane.server.httpUrl}/api/v1/approvals/none`)));
    const refused = burst.find(({ status }) => status === 429);
    expect([refused?.headers.get("ratelimit-limit"), refused?.headers.get("retry-after")]).toEqual([String(ANONYMOUS_PER_S), "1"]);
    expect((await tenant.api("GET", "/jobs")).status).toBe(200);
    expect((await fetch(`${plane.server.httpUrl}/healthz`)).status).toBe(200);
  });
});
