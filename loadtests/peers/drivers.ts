import { bullMq } from "./bullmq.ts";
import type { PeerDriver } from "./driver.ts";
import { graphile } from "./graphile.ts";
import { pgBoss } from "./pg-boss.ts";

export const PEERS = ["graphile-worker", "pg-boss", "bullmq"] as const;
export type PeerName = (typeof PEERS)[number];

export const DRIVERS: Readonly<Record<PeerName, PeerDriver>> = { "graphile-worker": graphile, "pg-boss": pgBoss, bullmq: bullMq };
