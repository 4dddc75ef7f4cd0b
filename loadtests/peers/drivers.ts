import { bullMq } from "./bullmq.ts";
import type { PeerDriver } from "./driver.ts";
import { graphile, graphileDefaults } from "./graphile.ts";
import { pgBoss } from "./pg-boss.ts";

export const PEERS = ["graphile-worker", "graphile-worker-defaults", "pg-boss", "bullmq"] as const;
export type PeerName = (typeof PEERS)[number];

/** Those that differ from each other when one job is to start soon: there the tuned graphile-worker is the one with the defaults. */
export const LATENCY_PEERS = PEERS.filter((name) => name !== "graphile-worker-defaults");

export const DRIVERS: Readonly<Record<PeerName, PeerDriver>> = {
  "graphile-worker": graphile,
  "graphile-worker-defaults": graphileDefaults,
  "pg-boss": pgBoss,
  bullmq: bullMq,
};

/** Peers whose settings beyond the defaults make them faster. */
export const TUNED_PEERS: readonly string[] = PEERS.filter((name) => DRIVERS[name].tuned);
