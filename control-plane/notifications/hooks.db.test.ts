import { createHmac } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JobView } from "../jobs/contract.ts";
import { type InProcess, type Received, type Receiving, startInProcess, startReceiving, untilTrue } from "../triggers/testing/in-process.ts";
import type { DeliveryView, HookView } from "./contract.ts";

let world: InProcess;
let receiving: Receiving;

beforeAll(async () => {
  world = await startInProcess();
  receiving = await startReceiving();
  await deploy("f/shop/good", [{ id: "a", value: { type: "identity" } }]);
  await deploy("f/shop/bad", [{ id: "a", value: { type: "identity" }, stop_after_if: { expr: "true", error_message: "no such order" } }]);
  await deploy("f/other/bad", [{ id: "a", value: { type: "identity" }, stop_after_if: { expr: "true", error_message: "no" } }]);
  await deploy("f/shop/asks", [
    { id: "ask", value: { type: "identity" }, suspend: { required_events: 1, timeout: 600 } },
    { id: "b", value: { type: "identity" } },
  ]);
}, 60_000);
afterAll(async () => {
  receiving.close();
  await world.close();
});

async function deploy(path: string, modules: unknown[]): Promise<void> {
  const { status, body } = await world.api("POST", "/flows", { path, document: { summary: "", value: { modules } } });
  expect(status, JSON.stringify(body)).toBeLessThan(300);
}

const putHook = (name: string, more: Record<string, unknown> = {}, headers: Record<string, string> = {}) =>
  world.api<HookView & { secret: string }>(
    "PUT",
    `/hooks/by-path?path=f/hooks/${name}`,
    { url: `${receiving.url}/${name}`, events: ["job.failed"], ...more },
    headers,
  );
const run = async (flow: string): Promise<JobView> => (await world.api<JobView>("POST", "/jobs?wait=20", { flow })).body;
const gotBy = (name: string): Received[] => receiving.received.filter(({ url }) => url === `/${name}`);
const deliveries = async (name: string): Promise<DeliveryView[]> =>
  (await world.api<{ deliveries: DeliveryView[] }>("GET", `/hooks/deliveries?path=f/hooks/${name}`)).body.deliveries;
const notes = async (): Promise<number> => Number((await world.pool.query<{ count: string }>("SELECT count(*) FROM event_note")).rows[0]?.count);

function signatureOf(secret: string, { headers, body }: Received): string {
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`).digest("base64")}`;
}

describe("a hook", () => {
  test("is told of the ends of jobs that it wants, signed, once each; a workspace without hooks writes nothing for it", async () => {
    await run("f/shop/bad");
    expect((await world.pool.query<{ last: string | null }>("SELECT last_value AS last FROM event_note_number_seq WHERE is_called")).rows).toEqual([]);
    const { status, body } = await putHook("failures", { path_prefix: "f/shop/" });
    expect([status, body.revision]).toEqual([201, 1]);
    const failed = await run("f/shop/bad");
    await run("f/shop/good");
    await run("f/other/bad");
    await untilTrue("it was told", () => gotBy("failures").length > 0);
    await untilTrue("nothing is left to be told", async () => (await notes()) === 0);
    const [got, ...more] = gotBy("failures");
    expect(more).toEqual([]);
    if (got === undefined) throw new Error("it was just there");
    expect(got.headers["webhook-id"]).toBe(`job_${failed.id}`);
    expect(got.headers["webhook-signature"]).toBe(signatureOf(body.secret, got));
    expect(Math.abs(Date.now() / 1000 - Number(got.headers["webhook-timestamp"]))).toBeLessThan(60);
    expect(JSON.parse(got.body)).toMatchObject({
      type: "job.failed",
      workspace: "main",
      data: { job: { id: failed.id, flow: "f/shop/bad", status: "failed" } },
    });
    await untilTrue("it is marked", async () => (await deliveries("failures"))[0]?.status === "delivered");
    const [delivery] = await deliveries("failures");
    expect(delivery).toMatchObject({ kind: "job.failed", attempts: [{ status: 204 }] });
    const one = (await world.api<DeliveryView & { payload: unknown }>("GET", `/hooks/deliveries/${delivery?.id}`)).body;
    expect(one.payload).toEqual(JSON.parse(got.body));
    await world.api("DELETE", "/hooks/by-path?path=f/hooks/failures");
  });

  test("is told of jobs that were cancelled or succeeded, and of those of other workspaces never", async () => {
    await putHook("ends", { events: ["job.cancelled", "job.succeeded"] });
    const good = await run("f/shop/good");
    const asks = (await world.api<JobView>("POST", "/jobs", { flow: "f/shop/asks" })).body;
    await world.api("POST", `/jobs/${asks.id}/cancel`, {});
    await untilTrue("both were told", () => gotBy("ends").length === 2);
    const told = gotBy("ends").map(({ body }) => JSON.parse(body) as { type: string; data: { job: JobView } });
    expect(Object.fromEntries(told.map(({ type, data }) => [type, data.job.id]))).toEqual({ "job.succeeded": good.id, "job.cancelled": asks.id });
    await world.api("DELETE", "/hooks/by-path?path=f/hooks/ends");
  });

  test("that has many to be told gets them one after the other, without waiting for the next look", async () => {
    await putHook("many", { events: ["job.succeeded"] });
    const jobs = await Promise.all(Array.from({ length: 40 }, () => run("f/shop/good")));
    // With the looks alone, four at each, it would take nine seconds.
    await untilTrue("all were told", () => gotBy("many").length === jobs.length, 8000);
    expect(new Set(gotBy("many").map(({ headers }) => headers["webhook-id"]))).toEqual(new Set(jobs.map(({ id }) => `job_${id}`)));
    await world.api("DELETE", "/hooks/by-path?path=f/hooks/many");
  });

  test("is told that a run waits for people, once, and of ticks that a schedule has missed", async () => {
    await putHook("people", { events: ["approval.wanted", "schedule.missed"] });
    const asks = (await world.api<JobView>("POST", "/jobs", { flow: "f/shop/asks" })).body;
    await untilTrue("it was told", () => gotBy("people").length === 1);
    expect(JSON.parse(gotBy("people")[0]?.body ?? "")).toMatchObject({
      type: "approval.wanted",
      data: { job: { id: asks.id }, step: { step: "ask", status: "suspended" } },
    });
    await world.api("POST", `/jobs/${asks.id}/flow/answer`, { approve: true });
    await untilTrue("the run has ended", async () => (await world.api<JobView>("GET", `/jobs/${asks.id}`)).body.status === "succeeded");
    const yearly = { cron: "0 0 1 1 *", flow: "f/shop/good" };
    expect((await world.api("PUT", "/schedules/by-path?path=f/shop/nightly", yearly)).status).toBe(201);
    await world.pool.query("UPDATE schedule_state SET next_at = '2021-01-01 00:00:00Z'");
    await untilTrue("it was told", () => gotBy("people").length === 2);
    const { type, data } = JSON.parse(gotBy("people")[1]?.body ?? "") as { type: string; data: { until: string } };
    expect([type, data]).toEqual([
      "schedule.missed",
      {
        schedule: "f/shop/nightly",
        due_at: "2021-01-01T00:00:00.000Z",
        until: expect.stringMatching(/^20\d\d-01-01T00:00:00.000Z$/),
        cron: yearly.cron,
        timezone: "UTC",
      },
    ]);
    expect(gotBy("people")[1]?.headers["webhook-id"]).toMatch(/^missed_\d+_1609459200000$/);
    await world.api("DELETE", "/schedules/by-path?path=f/shop/nightly");
    await untilTrue("nothing is left", async () => (await notes()) === 0);
    expect(gotBy("people")).toHaveLength(2);
    await world.api("DELETE", "/hooks/by-path?path=f/hooks/people");
  });

  test("that is paused is told nothing, and what waits is sent when it goes on", async () => {
    receiving.answer = () => ({ status: 500 });
    await putHook("paused");
    await run("f/shop/bad");
    await untilTrue("it was tried", async () => (await deliveries("paused"))[0]?.attempts.length === 1);
    await world.api("POST", "/hooks/pause?path=f/hooks/paused");
    await run("f/shop/bad");
    receiving.answer = () => ({ status: 204 });
    expect((await world.api<HookView>("POST", "/hooks/resume?path=f/hooks/paused")).body.paused).toBe(false);
    const [waiting] = await deliveries("paused");
    expect(waiting).toMatchObject({ status: "waiting", attempts: [{ status: 500 }] });
    expect((await world.api("POST", `/hooks/deliveries/${waiting?.id}/again`)).status).toBe(202);
    await untilTrue("it was delivered", async () => (await deliveries("paused"))[0]?.status === "delivered");
    expect(await deliveries("paused")).toHaveLength(1);
    expect(new Set(gotBy("paused").map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    await world.api("DELETE", "/hooks/by-path?path=f/hooks/paused");
  });

  test("whose receiver answers 410 is paused, and says why", async () => {
    receiving.answer = () => ({ status: 410 });
    await putHook("gone");
    await run("f/shop/bad");
    const gone = async (): Promise<HookView> => (await world.api<HookView>("GET", "/hooks/by-path?path=f/hooks/gone")).body;
    await untilTrue("it is paused", async () => (await gone()).paused);
    expect((await gone()).paused_why).toContain("410");
    await untilTrue("it is marked", async () => (await deliveries("gone"))[0]?.status === "dead");
    receiving.answer = () => ({ status: 204 });
    expect((await world.api<HookView>("POST", "/hooks/resume?path=f/hooks/gone")).body.paused_why).toBeUndefined();
  });

  test("can be tried out, and says what became of it; an address that is not public is refused", async () => {
    await putHook("tried");
    const good = (await world.api<DeliveryView>("POST", "/hooks/test?path=f/hooks/tried")).body;
    expect(good).toMatchObject({ kind: "hook.test", status: "delivered", attempts: [{ status: 204 }] });
    await putHook("inside", { url: "https://10.0.0.1/x" });
    const refused = (await world.api<DeliveryView>("POST", "/hooks/test?path=f/hooks/inside")).body;
    expect(refused).toMatchObject({ status: "dead", attempts: [{ error: "10.0.0.1 is at 10.0.0.1, which is not public" }] });
    expect((await world.api("POST", "/hooks/test?path=f/hooks/none")).status).toBe(404);
    expect((await putHook("bad", { url: "https://user:pass@example.com" })).status).toBe(400);
    expect((await putHook("bad", { url: "ftp://example.com" })).status).toBe(400);
  });

  test("is changed under its ETag, and signs with every secret that is good", async () => {
    const { body, headers } = await putHook("signs");
    expect((await putHook("signs", { description: "x" }, { "if-match": headers.get("etag") ?? "" })).body).toMatchObject({ revision: 2, description: "x" });
    expect((await putHook("signs", {}, { "if-match": headers.get("etag") ?? "" })).status).toBe(412);
    const more = (await world.api<{ secret: string; id: string }>("POST", "/hooks/secrets?path=f/hooks/signs")).body;
    await world.api("POST", "/hooks/test?path=f/hooks/signs");
    const got = gotBy("signs").at(-1);
    if (got === undefined) throw new Error("it was sent");
    expect(new Set(String(got.headers["webhook-signature"]).split(" "))).toEqual(new Set([signatureOf(body.secret, got), signatureOf(more.secret, got)]));
    expect((await world.api("POST", "/hooks/secrets?path=f/hooks/signs", { secret: "not-a-standard-secret" })).status).toBe(400);
    expect((await world.api("DELETE", `/hooks/secrets?path=f/hooks/signs&id=${more.id}`)).status).toBe(204);
    const { body: listed } = await world.api<{ secrets: unknown[] }>("GET", "/hooks/secrets?path=f/hooks/signs");
    expect(listed.secrets).toHaveLength(1);
    expect(JSON.stringify((await world.api("GET", "/hooks")).body)).not.toContain("whsec_");
  });
});
