import type { ClusterTables, ShardStore } from "../control-plane/scheduler/cluster/cluster-tables.ts";
import type { Lease } from "../control-plane/scheduler/lease-store.ts";
import type { Database } from "./database.ts";
import type { Process } from "./virtual-time.ts";

/** How many of the answers to reads of an owner take long: what they show is old then. */
const LATE = 0.4;

/** What a replica reads and writes besides its flushes, each over a connection that may fail. */
export function simulatedTables(database: Database, process: Process): ClusterTables {
  const { cluster } = database.store;
  return {
    join: (replica) => database.query(process, "join", () => cluster.join(replica)),
    renew: (lease, goneInMs) => database.query(process, "renew", () => cluster.renew(lease, goneInMs)),
    read: (lease) => database.query(process, "read", () => cluster.read(lease)),
    takeOver: (lease, reachable) => database.query(process, "takeOver", () => cluster.takeOver(lease, reachable)),
    move: (from, to, shards) => database.query(process, "move", () => cluster.move(from, to, shards), LATE),
    drawEpoch: () => database.query(process, "drawEpoch", () => cluster.drawEpoch()),
    announceLeaving: (lease) => database.query(process, "announceLeaving", () => cluster.announceLeaving(lease)),
    release: (lease) => database.query(process, "release", () => cluster.release(lease)),
    shardStore: (lease) => shardStore(database, process, lease),
  };
}

function shardStore(database: Database, process: Process, lease: Lease): ShardStore {
  const { store } = database;
  return {
    load: (shards) => database.query(process, "load", () => store.load(shards), LATE),
    refill: (queue, limit, dueMs) => {
      const asked = { ...queue };
      return database.query(process, "refill", () => store.refill(asked, limit, dueMs), LATE);
    },
    payloads: (jobs) =>
      database.query(
        process,
        "payloads",
        () => new Map(jobs.flatMap((job) => (store.payloads.has(job.id) ? [[job.id, store.payloads.get(job.id)] as const] : [])).filter(isPresent)),
      ),
    deferred: (read, limit, shards) => database.query(process, "deferred", () => store.deferred(read, limit, shards), LATE),
    expiring: (read, limit, shards) => database.query(process, "expiring", () => store.expiring(read, limit, shards), LATE),
    // No flows run here.
    dueFlows: () => Promise.resolve({ rows: [], complete: true }),
    findKeys: (workspace, keys, nowMs) => database.query(process, "findKeys", () => store.findKeys(workspace, keys, nowMs), LATE),
    isRecorded: (id, agent, token) => database.query(process, "isRecorded", () => store.isRecorded(id, agent, token, lease)),
    markCancelled: (job, token, reason) => database.query(process, "markCancelled", () => store.markCancelled(job.id, token, reason, lease), LATE),
    workspaceLimits: (since) =>
      store.hasCaps ? database.query(process, "workspaceLimits", () => store.workspaceLimits(since)) : Promise.resolve({ changed: [], next: "0" }),
    dropOldWindows: () => Promise.resolve(),
  };
}

function isPresent<K, V>(entry: readonly [K, V | undefined]): entry is readonly [K, V] {
  return entry[1] !== undefined;
}
