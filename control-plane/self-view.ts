import { messageOf } from "../kernel/app-error.ts";
import type { AgentHome } from "./agents/agent-home.ts";
import type { SessionServer } from "./agents/session-server.ts";
import type { ChangeWatch } from "./db/change-watch.ts";
import type { Pools } from "./db/pools.ts";
import type { Readiness } from "./http/operations-routes.ts";
import type { PeerNetwork } from "./peer/peer-network.ts";
import type { OwnerDirectory } from "./scheduler/cluster/owner-directory.ts";
import { countByReason } from "./scheduler/core/wait-reason.ts";
import type { Ownership } from "./scheduler/ownership.ts";
import type { Metrics } from "./telemetry/metrics.ts";

/** Whether requests should come here, and if not, why. */
export async function readiness(replica: string, pools: Pools, ownership: Ownership, directory: OwnerDirectory, network: PeerNetwork): Promise<Readiness> {
  const reasons: string[] = [];
  try {
    await pools.api.query("SELECT 1");
  } catch (error) {
    reasons.push(`Postgres does not answer: ${messageOf(error)}`);
  }
  if (ownership.local === undefined) reasons.push("this replica has not joined the cluster yet");
  else if (directory.ports.length === 0) reasons.push("no owner of any shard is known");
  else if (ownership.writer?.accepts !== true) reasons.push("the database does not keep up with the writes");
  const cluster = {
    replica,
    shards_owned: ownership.local?.shards.with("owned").length ?? 0,
    shards_missing: directory.missing,
    peers: network.linksUp,
  };
  return { ready: reasons.length === 0, status: reasons.length === 0 ? "ready" : "not ready", reasons, cluster };
}

interface ClusterView {
  readonly directory: OwnerDirectory;
  readonly network: PeerNetwork;
  readonly home: AgentHome;
  readonly changes: ChangeWatch;
}

/** Connects the gauges of a control plane. */
export function observe(metrics: Metrics, ownership: Ownership, sessions: SessionServer, cluster: ClusterView): void {
  metrics.observe({
    waiting: () => [...(ownership.local?.owner.state.routes.values() ?? [])].reduce((sum, route) => sum + route.waiting, 0),
    waitingByReason: () => (ownership.local === undefined ? {} : countByReason(ownership.local.owner.state)),
    running: () => ownership.local?.owner.state.running.size ?? 0,
    agents: () => sessions.size,
    agentStates: () => sessions.countStates(),
    slots: () => cluster.home.slots,
    flushQueue: () => ownership.writer?.queued ?? 0,
    payloadBytes: () => ownership.local?.owner.payloadBytes ?? 0,
    shardsOwned: () => ownership.local?.shards.with("owned").length ?? 0,
    shardsMissing: () => cluster.directory.missing,
    peerLinks: () => cluster.network.linksUp,
    changesUnseenS: () => cluster.changes.unseenMs / 1000,
  });
}
