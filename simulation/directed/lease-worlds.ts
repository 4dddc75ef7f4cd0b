import type { DirectedWorld, Scene } from "../scene.ts";
import { comes, OF_FIRST, openTwo } from "./openings.ts";

const FOR_LONG_MS = 90_000;

/**
 * A job of the first replica's shard runs on its agent; the other agent, with the other replica, comes when that is so. The replicas lose each other so
 * early that nothing follows from that any more when the first one loses the database as well.
 */
function runOnFirst(scene: Scene): void {
  openTwo(scene);
  comes(scene, 4000, 1, 1);
  scene.at(6000, () => void scene.put(scene.replica(1), OF_FIRST, { runMs: 120_000 }));
  comes(scene, 8000, 2, 2);
  scene.at(9000, () => scene.world.peers.partition(scene.replica(1), FOR_LONG_MS, "both"));
}

const ALONE_MS = 12_000;

/** Nobody hears of the replica any more but its agents, and it hears of nobody else. */
function cutOff(scene: Scene, replica: number): void {
  const { database, peers } = scene.world;
  database.cutOff(scene.replica(replica).process, FOR_LONG_MS);
  peers.partition(scene.replica(replica), FOR_LONG_MS, "both");
}

/** A home that has lost the database and its peers keeps its agents: its successor counts on their having ended. */
export const cutOffHome: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 60_000 + ALONE_MS,
  play: (scene) => {
    runOnFirst(scene);
    scene.at(9000 + ALONE_MS, () => cutOff(scene, 1));
  },
};

/** As `holdMs` of simulated-replica.ts. */
const HOLD_MS = 15_000;
const KEEPALIVE_MS = 3000;

/**
 * The same, and the home stands still from just before it would send its agents away until a keepalive has come; it reads that before its timers
 * run. An agent that got the echo would believe in its lease for longer than the successor waits.
 */
export const stoppedHome: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 75_000 + ALONE_MS,
  play: (scene) => {
    runOnFirst(scene);
    const [home, agent] = [scene.replica(1), scene.agent(1)];
    let welcomedMs = 0;
    scene.when(/^a1 to r1: hello/, () => {
      welcomedMs = scene.nowMs;
    });
    let isCut = false;
    scene.meddle(({ process, name }) => {
      if (isCut || name !== "renew" || process !== home.process || scene.nowMs < 9000 + ALONE_MS) return undefined;
      const sendsAwayMs = scene.nowMs + HOLD_MS;
      // The agent must send one when the home has been still for six seconds, and not have given it up yet.
      const keepaliveMs = welcomedMs + Math.ceil((sendsAwayMs + 6300 - welcomedMs) / KEEPALIVE_MS) * KEEPALIVE_MS;
      if (keepaliveMs > sendsAwayMs + 7500) return undefined;
      isCut = true;
      scene.at(scene.nowMs + 100, () => cutOff(scene, 1));
      scene.at(sendsAwayMs - 4000, () => scene.stream(agent)?.freeze(4400, "to agent"));
      scene.at(sendsAwayMs - 50, () => home.process.stop(keepaliveMs + 200 - (sendsAwayMs - 50), true));
      return undefined;
    });
  },
};

/** The last renewal before a home is cut off is answered late: its agents are held from when it asked, since its successor counts from before that. */
export const lateRenewal: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 70_000 + ALONE_MS,
  play: (scene) => {
    runOnFirst(scene);
    scene.at(9000 + ALONE_MS, () =>
      scene.meddleOnce(scene.replica(1), "renew", { answerLateMs: 8000 }, () => scene.at(scene.nowMs + 8100, () => cutOff(scene, 1))),
    );
  },
};

/** The machine of a home is suspended for some seconds, too short for its agents to look elsewhere: its monotonic clock does not know of them. */
export const suspendedHome: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 75_000 + ALONE_MS,
  play: (scene) => {
    runOnFirst(scene);
    const home = scene.replica(1);
    scene.when(/^a1 to r1: hello/, () => {
      // Just after an echo has come.
      const sinceMs = scene.nowMs + 6 * KEEPALIVE_MS + 50;
      scene.at(sinceMs, () => {
        cutOff(scene, 1);
        home.process.stop(7000);
        home.process.sleptMs += 7000;
      });
    });
  },
};

/** A replica that was alone has promised to keep its agents for longer; the one that comes when it has lost the database must know. */
export const lonelyHome: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 85_000,
  play: (scene) => {
    scene.at(0, () => scene.replica(1).start());
    comes(scene, 2000, 1, 1);
    scene.at(4000, () => void scene.put(scene.replica(1), OF_FIRST, { runMs: 150_000 }));
    scene.at(10_000, () => cutOff(scene, 1));
    scene.at(21_500, () => scene.replica(2).start());
    comes(scene, 24_000, 2, 2);
  },
};

/** The owner of an attempt and the home of its agent do not hear of each other: the owner gives it away after a while. */
export const silentOwner: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 75_000,
  play: (scene) => {
    openTwo(scene);
    comes(scene, 4000, 1, 2);
    scene.at(6000, () => void scene.put(scene.replica(1), OF_FIRST, { runMs: 120_000 }));
    comes(scene, 8000, 2, 1);
    scene.at(10_000, () => scene.world.peers.partition(scene.replica(1), FOR_LONG_MS, "both"));
  },
};
