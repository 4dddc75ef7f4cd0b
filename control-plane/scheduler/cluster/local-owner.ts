import type { Clock } from "../../../kernel/clock.ts";
import { instantOf } from "../../../kernel/instant.ts";
import { shardOf, shardOfToken } from "../../jobs/model.ts";
import { waitReason } from "../core/wait-reason.ts";
import { ShardMoved } from "../keyed-jobs.ts";
import type { Owner } from "../owner.ts";
import type { Home, OwnerPort } from "../owner-port.ts";
import type { ShardSet } from "./shard-set.ts";
import type { SharedAgents } from "./shared-agents.ts";

/** The owner of this replica, with what it shares with others. Thrown away whole when the lease is lost. */
export interface LocalOwner {
  readonly replicaId: string;
  readonly epoch: number;
  readonly owner: Owner;
  readonly shards: ShardSet;
  readonly agents: SharedAgents;
}

/** What a home, and the API beside it, sees of the owner: the home of this replica, or one behind a peer link. */
export function ownerPort(local: LocalOwner, home: Home, clock: Clock): OwnerPort {
  const { owner, shards, agents, replicaId } = local;
  return {
    replicaId,
    isLocal: true,
    confirmedAt: () => instantOf(clock),
    async enqueue(jobs) {
      if (!jobs.every(({ job }) => shards.owns(job.shard))) return "moved";
      if (jobs.some(({ special }) => special?.key !== undefined)) return owner.enqueueOnce(jobs).catch(movedOr);
      await owner.enqueue(jobs);
      return jobs.map(({ job }) => ({ id: job.id, created: true }));
    },
    async cancel({ id, workspace }, reason) {
      const shard = shardOf(workspace);
      return shards.owns(shard) ? owner.cancel({ id, workspace, shard }, reason) : "moved";
    },
    waitReason: async (job) => (shards.owns(shardOf(job.workspace)) ? waitReason(owner.state, job, clock.monotonicMs()) : undefined),
    attach: (hello) => agents.attach(home, hello),
    detach: (key, session, heardAtMs) => agents.detach(key, session, heardAtMs),
    share: (session, order) => agents.share(session, order),
    received: (session, attempt) => agents.received(session, attempt),
    started: (session, attempt, atMs) => agents.started(session, attempt, atMs),
    held: (session, held) => agents.held(session, held),
    folders: (session, folders) => agents.folders(session, folders),
    async finished(agent, end) {
      if (!shards.owns(shardOfToken(end.token))) return "moved";
      return (await agents.finished(agent, end)) ?? "moved";
    },
  };
}

function movedOr(error: unknown): "moved" {
  if (error instanceof ShardMoved) return "moved";
  throw error;
}
