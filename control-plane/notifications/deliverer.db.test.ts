import { randomBytes } from "node:crypto";
import type pg from "pg";
import { pino } from "pino";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Clock } from "../../kernel/clock.ts";
import { asWorkspaceId, type WorkspaceId } from "../../kernel/ids.ts";
import { createTestDatabase, openTestPool, type TestDatabase } from "../db/test-database.ts";
import { createKeyRing } from "../secrets/key-ring.ts";
import { loadMasterKeys } from "../secrets/master-keys.ts";
import { createSealedSecrets, type SealedSecrets } from "../secrets/sealed-secrets.ts";
import { type Receiving, startReceiving, untilTrue } from "../triggers/testing/in-process.ts";
import { Deliverer } from "./deliverer.ts";
import { claimDeliveries, findDelivery, insertDelivery, listDeliveries, type StoredDelivery } from "./delivery-store.ts";
import { EventPlanner } from "./event-planner.ts";
import { takeNotes, tellEvents } from "./event-store.ts";
import { findHook, insertHook } from "./hook-store.ts";
import { parseAllowedTargets } from "./outbound/address-rules.ts";
import { createOutboundClient } from "./outbound/outbound-client.ts";
import { WAITS_MS } from "./retry-core.ts";

// Time is set by hand: nothing here waits for it.
const log = pino({ level: "silent" });
let database: TestDatabase;
let pool: pg.Pool;
let workspace: WorkspaceId;
let secrets: SealedSecrets;
let receiving: Receiving;
let nowMs = Date.now();
const clock: Clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };

beforeAll(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
  const { rows } = await pool.query<{ id: string }>("INSERT INTO workspace (name) VALUES ('ours') RETURNING id::text");
  workspace = asWorkspaceId(rows[0]?.id ?? "");
  const masters = await loadMasterKeys(randomBytes(32).toString("base64"), "", () => Promise.resolve(false));
  secrets = createSealedSecrets(pool, createKeyRing(pool, masters), clock);
});
beforeEach(async () => {
  receiving = await startReceiving();
});
afterEach(async () => {
  receiving.close();
  await pool.query("DELETE FROM notification_hook");
  await pool.query("DELETE FROM hook_delivery");
  await pool.query("DELETE FROM sealed_secret");
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const makeDeliverer = (timeoutMs = 10_000): Deliverer => {
  const allowed = parseAllowedTargets("127.0.0.1") ?? { hasHost: () => false, hasAddress: () => false };
  return new Deliverer({ pool, secrets, client: createOutboundClient({ allowed, userAgent: "test", timeoutMs }), clock, random: () => 0.5, log });
};

async function hook(path: string, url = receiving.url): Promise<string> {
  await insertHook(pool, workspace, { path, url, events: ["schedule.missed"], pathPrefix: "", paused: false, description: "", by: "test" }, 100);
  await secrets.add(workspace, `hook:${path}`, `whsec_${randomBytes(32).toString("base64")}`, "test");
  return path;
}

const deliver = (to: string, event: string): Promise<string> =>
  insertDelivery(pool, workspace, { hook: to, event, kind: "schedule.missed", payload: "{}" }, nowMs);
const stored = async (id: string): Promise<StoredDelivery> => {
  const found = await findDelivery(pool, workspace, id);
  if (found === undefined) throw new Error(`there is no delivery ${id}`);
  return found;
};
const ALL = { status: undefined, before: undefined, limit: 50 };
const round = async (deliverer: Deliverer): Promise<number> => {
  const taken = await deliverer.begin();
  await deliverer.settled();
  return taken;
};

test("a delivery that fails is tried at the moments of the plan, and is dead after the last; sent again by hand it begins anew", async () => {
  receiving.answer = () => ({ status: 404 });
  const deliverer = makeDeliverer();
  const id = await deliver(await hook("f/a/one"), "e1");
  expect(await round(deliverer)).toBe(1);
  for (const [at, waitMs] of WAITS_MS.entries()) {
    const { status, dueAt, attempts } = await stored(id);
    expect([at, status, attempts.length, dueAt?.getTime()]).toEqual([at, "waiting", at + 1, nowMs + waitMs]);
    nowMs += waitMs - 1;
    expect(await round(deliverer)).toBe(0);
    nowMs += 1;
    expect(await round(deliverer)).toBe(1);
  }
  expect(await stored(id)).toMatchObject({ status: "dead", dueAt: undefined, endedAt: new Date(nowMs) });
  expect(receiving.received).toHaveLength(WAITS_MS.length + 1);
  expect(new Set(receiving.received.map(({ headers }) => headers["webhook-id"]))).toEqual(new Set(["e1"]));
  nowMs += 8 * 24 * 3600 * 1000;
  await deliverer.dropOld(nowMs - 7 * 24 * 3600 * 1000);
  expect(await findDelivery(pool, workspace, id)).toBeUndefined();
});

test("one whose sender dies between the request and the mark is sent once more, under the same id", async () => {
  const id = await deliver(await hook("f/a/killed"), "e-killed");
  // A process that has sent, and then is no more: its claim is all that it leaves.
  const [claimed] = await claimDeliveries(pool, nowMs, nowMs + 60_000, { all: 10, each: 4 }, []);
  expect(claimed?.id).toBe(id);
  await fetch(receiving.url, { method: "POST", headers: { "webhook-id": "e-killed" }, body: "{}" });
  const deliverer = makeDeliverer();
  nowMs += 59_999;
  expect(await round(deliverer)).toBe(0);
  nowMs += 1;
  expect(await round(deliverer)).toBe(1);
  expect(await stored(id)).toMatchObject({ status: "delivered", attempts: [{ status: 204 }] });
  expect(receiving.received.map(({ headers }) => headers["webhook-id"])).toEqual(["e-killed", "e-killed"]);
});

test("nothing is sent that nobody could check: a hook without a secret says so", async () => {
  const path = await hook("f/a/bare");
  const [secret] = await secrets.list(workspace, `hook:${path}`);
  await secrets.remove(workspace, `hook:${path}`, secret?.id ?? "", "test");
  const id = await deliver(path, "bare");
  await round(makeDeliverer());
  expect(await stored(id)).toMatchObject({ status: "waiting", attempts: [{ error: "the hook has no secret to sign with: add one" }] });
  expect(receiving.received).toEqual([]);
});

test("several replicas share what is due, and send each once", async () => {
  const paths = await Promise.all(["f/a/s1", "f/a/s2", "f/a/s3"].map((path) => hook(path)));
  for (const path of paths) for (let n = 0; n < 4; n++) await deliver(path, `${path.slice(4)}-${n}`);
  const replicas = [makeDeliverer(), makeDeliverer(), makeDeliverer()];
  const taken = await Promise.all(replicas.map(round));
  expect(taken.reduce((sum, count) => sum + count, 0)).toBe(12);
  expect(new Set(receiving.received.map(({ headers }) => headers["webhook-id"])).size).toBe(12);
  expect(receiving.received).toHaveLength(12);
});

test("a receiver that answers nobody has four requests at a time and no more, and others are served meanwhile", async () => {
  receiving.answer = ({ url }) => (url === "/stuck" ? undefined : { status: 204 });
  const deliverer = makeDeliverer(500);
  const stuck = await hook("f/a/stuck", `${receiving.url}/stuck`);
  const quick = await hook("f/a/quick", `${receiving.url}/quick`);
  for (let n = 0; n < 10; n++) await deliver(stuck, `stuck-${n}`);
  for (let n = 0; n < 6; n++) await deliver(quick, `quick-${n}`);
  expect(await deliverer.begin()).toBe(8);
  await untilTrue("the quick ones have arrived", () => receiving.received.filter(({ url }) => url === "/quick").length === 4);
  let more = 0;
  await untilTrue("the rest of the quick ones is taken", async () => {
    more += await deliverer.begin();
    return more === 2;
  });
  await deliverer.settled();
  expect(receiving.received.filter(({ url }) => url === "/stuck")).toHaveLength(4);
});

test("a host that fails five times in a row is left alone, for other hooks of the workspace too, until one attempt shows that it is back", async () => {
  receiving.answer = () => ({ status: 503 });
  const deliverer = makeDeliverer();
  const [one, two] = [await hook("f/a/b1", `${receiving.url}/1`), await hook("f/a/b2", `${receiving.url}/2`)];
  for (let n = 0; n < 5; n++) {
    await deliver(one, `b1-${n}`);
    await round(deliverer);
  }
  expect(receiving.received).toHaveLength(5);
  const late = await deliver(two, "late");
  await round(deliverer);
  const untilMs = (await stored(late)).dueAt?.getTime() ?? 0;
  expect([(await stored(late)).attempts, untilMs]).toEqual([[], nowMs + 30_000]);
  expect(receiving.received).toHaveLength(5);
  // Several are due: one goes, and when it has arrived so do the others.
  nowMs = untilMs;
  const others = Promise.withResolvers<undefined>();
  receiving.answer = () => others.promise.then(() => ({ status: 204 }));
  expect(await deliverer.begin()).toBe(5);
  const all = async (): Promise<StoredDelivery[]> => [
    ...(await listDeliveries(pool, workspace, one, ALL)),
    ...(await listDeliveries(pool, workspace, two, ALL)),
  ];
  await untilTrue("four are put back", async () => (await all()).filter(({ dueAt }) => dueAt?.getTime() === nowMs + 30_000).length === 4);
  others.resolve(undefined);
  await deliverer.settled();
  expect(receiving.received).toHaveLength(6);
  nowMs += 30_000;
  await round(deliverer);
  await round(deliverer);
  expect((await all()).map(({ status, attempts }) => [status, attempts.length])).toEqual([
    ...Array.from({ length: 5 }, () => ["delivered", 2]),
    ["delivered", 1],
  ]);
});

test("notes become deliveries exactly once, also when whoever does it breaks off or several do", async () => {
  const path = await hook("f/a/noted");
  const told = Array.from({ length: 450 }, (_, n) => ({ workspace, kind: "schedule.missed" as const, id: `s${n}`, path: "f/x/y", data: { n } }));
  await tellEvents(pool, told);
  await expect(takeNotes(pool, 100, 1000, nowMs, () => Promise.reject(new Error("killed")))).rejects.toThrow("killed");
  const make = () => new EventPlanner({ pool, clock, log, workspaceName: async () => "ours", runOf: () => Promise.reject(new Error("no flows here")) });
  await Promise.all([make().plan(), make().plan()]);
  await tellEvents(pool, told.slice(0, 10));
  await make().plan();
  const { rows } = await pool.query<{ count: string }>("SELECT count(*) FROM hook_delivery WHERE hook = $1", [path]);
  expect(Number(rows[0]?.count)).toBe(450);
  expect((await pool.query("SELECT 1 FROM event_note")).rows).toEqual([]);
});

test("a hook with too many deliveries waiting is not told more", async () => {
  const path = await hook("f/a/full");
  const notesOf = (ids: string[]) =>
    tellEvents(
      pool,
      ids.map((id) => ({ workspace, kind: "schedule.missed" as const, id, path: "", data: {} })),
    );
  const most = 3;
  const take = () =>
    takeNotes(pool, 1, most, nowMs, async (notes) => notes.map(({ id }) => ({ workspace, hook: path, event: id, kind: "schedule.missed", payload: "{}" })));
  await notesOf(["a", "b", "c", "d"]);
  const dropped = [];
  for (let n = 0; n < 4; n++) dropped.push((await take()).dropped);
  expect(dropped).toEqual([0, 0, 0, 1]);
  expect((await findHook(pool, workspace, path))?.paused).toBe(false);
});
