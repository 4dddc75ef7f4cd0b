import type pg from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createTestDatabase, openTestPool, type TestDatabase } from "../../db/test-database.ts";
import { SHARDS } from "../../jobs/model.ts";
import { flushStatement } from "../../jobs/statements.ts";
import {
  announceLeaving,
  drawEpoch,
  joinCluster,
  type Lease,
  moveShards,
  readCluster,
  readClusterSecret,
  releaseLease,
  renewLease,
  takeOverShards,
} from "../lease-store.ts";

let database: TestDatabase;
let pool: pg.Pool;
beforeEach(async () => {
  database = await createTestDatabase();
  pool = openTestPool(database.url);
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

const join = (name: string): Promise<Lease> => joinCluster(pool, { name, address: `${name}:1`, version: "test" });
/** Takes over with these replicas in reach. */
const takeOver = (lease: Lease, ...others: Lease[]): Promise<number> =>
  takeOverShards(
    pool,
    lease,
    [lease, ...others].map((other) => other.replicaId),
  );
const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);

async function shardsOf(lease: Lease): Promise<number[]> {
  const { map } = await readCluster(pool, lease);
  return ALL.filter((shard) => map[shard] === lease.replicaId);
}

async function die(lease: Lease): Promise<void> {
  await pool.query("UPDATE replica_lease SET expires_at = clock_timestamp() - interval '1 s' WHERE replica_id = $1", [lease.replicaId]);
}

test("replicas that start at the same moment get half of the shards each, once", async () => {
  const leases = await Promise.all([join("a"), join("b")]);
  const taken = await Promise.all(leases.map((lease) => takeOver(lease, ...leases)));
  expect(taken.sort((a, b) => a - b)).toEqual([0, SHARDS]);
  const owned = await Promise.all(leases.map(shardsOf));
  expect(owned.map((shards) => shards.length)).toEqual([32, 32]);
  expect(new Set(owned.flat()).size).toBe(SHARDS);
});

test("a restart under the same name keeps its shards, under a new epoch", async () => {
  const first = await join("a");
  await takeOver(first);
  const again = await join("a");
  expect(again.replicaId).toBe(first.replicaId);
  expect(again.epoch).toBeGreaterThan(first.epoch);
  expect(await renewLease(pool, first, 0)).toMatchObject({ ours: false });
  expect((await shardsOf(again)).length).toBe(SHARDS);
});

test("a living replica keeps its shards; a dead one's are split over the living, also what it had from one that died before", async () => {
  const [a, b, c] = [await join("a"), await join("b"), await join("c")];
  await takeOver(a, b, c);
  expect(await takeOver(b)).toBe(0);
  const [before] = [await shardsOf(c)];
  await renewLease(pool, c, 300_000);
  await die(c);
  expect(await takeOver(a, b)).toBe(before.length);
  expect([(await shardsOf(a)).length, (await shardsOf(b)).length]).toEqual([32, 32]);
  // The promise of the dead one goes with its shards, and on to the next owner when that one dies too.
  const held = (await shardsOf(b)).filter((shard) => before.includes(shard));
  expect(held.length).toBeGreaterThan(0);
  await die(b);
  await takeOver(a);
  const view = await readCluster(pool, a);
  expect(view.map.every((owner) => owner === a.replicaId)).toBe(true);
  for (const shard of held) expect(view.goneInMs[shard]).toBeGreaterThan(200_000);
  for (const shard of ALL) if (!before.includes(shard)) expect(view.goneInMs[shard]).toBe(0);
});

test("the take-over waits for a flush in flight, and voids the next one", async () => {
  const [a, b] = [await join("a"), await join("b")];
  await takeOver(a, b);
  const statement = flushStatement(0, ["claim"], "many");
  const values = [a.replicaId, a.epoch, 0, 1, [], [], []];
  await pool.query("INSERT INTO flush_progress (epoch, connection, seq, gone) VALUES ($1, 0, 0, '{}')", [a.epoch]);
  await die(a);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    expect((await client.query(statement, values)).rows).toHaveLength(1);
    let over = false;
    const taking = takeOver(b).then((shards) => {
      over = true;
      return shards;
    });
    // It waits in the database, for us.
    await expect
      .poll(async () => (await pool.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount)
      .toBe(1);
    expect(over).toBe(false);
    await client.query("COMMIT");
    expect(await taking).toBe(32);
    expect((await client.query(statement, values)).rows).toHaveLength(0);
  } finally {
    client.release();
  }
});

test("one whose lease runs out while the take-over waits for another's flush keeps its shards: its epoch still holds", async () => {
  const [a, b, c] = [await join("a"), await join("b"), await join("c")];
  await takeOver(a, b, c);
  const [held, ofTheDead] = [await shardsOf(a), await shardsOf(b)];
  await die(b);
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    // As a flush in flight does.
    await client.query("SELECT 1 FROM replica_lease WHERE replica_id = $1 FOR SHARE", [b.replicaId]);
    const taking = takeOver(c, a);
    await expect
      .poll(async () => (await pool.query("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).rowCount)
      .toBe(1);
    await die(a);
    await client.query("COMMIT");
    expect(await taking).toBe(ofTheDead.length);
    expect(await shardsOf(a)).toEqual(held);
    expect((await renewLease(pool, a, 0)).ours).toBe(true);
  } finally {
    client.release();
  }
});

test("shards move by hand only while both sides are what they were", async () => {
  const a = await join("a");
  await takeOver(a);
  const b = await join("b");
  expect(await moveShards(pool, a, b, [3, 5])).toEqual([3, 5]);
  expect(await shardsOf(b)).toEqual([3, 5]);
  expect(await moveShards(pool, a, b, [3, 6])).toEqual([6]);
  expect(await moveShards(pool, a, { ...b, epoch: b.epoch + 1 }, [7])).toEqual([]);
  await releaseLease(pool, b);
  expect(await moveShards(pool, a, b, [7])).toEqual([]);
  await join("a");
  expect(await moveShards(pool, a, await join("c"), [7])).toEqual([]);
});

test("one that leaves gets nothing; whoever is left takes over at once", async () => {
  const [a, b] = [await join("a"), await join("b")];
  await announceLeaving(pool, b);
  await takeOver(a, b);
  expect((await shardsOf(a)).length).toBe(SHARDS);
  await releaseLease(pool, a);
  const again = await join("b");
  expect(await takeOver(again)).toBe(SHARDS);
});

test("epochs for tokens grow over all that was drawn before, and the secret stays the same", async () => {
  const a = await join("a");
  const drawn = await drawEpoch(pool);
  expect(drawn).toBeGreaterThan(a.epoch);
  expect((await join("b")).epoch).toBeGreaterThan(drawn);
  const secret = await readClusterSecret(pool);
  expect(secret.length).toBe(32);
  expect(await readClusterSecret(pool)).toEqual(secret);
});
