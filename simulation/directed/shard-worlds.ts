import type { DirectedWorld } from "../scene.ts";
import { comes, OF_FIRST, OF_SECOND, openTwo, ranOnce } from "./openings.ts";

/** Goes from the third replica to the second, from there to the first and back to the third. */
const ROUND = 60;

/**
 * A shard goes round, and what the second replica says of it reaches the first only when it has been here and gone again: that it was the second
 * one's, and that it is so no more. The end of an attempt here still has to find its owner.
 */
export const oldNews: DirectedWorld = {
  replicas: 3,
  slots: [2],
  forMs: 30_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second, third] = [scene.replica(1), scene.replica(2), scene.replica(3)];
    scene.at(4000, () => third.start());
    comes(scene, 7000, 1, 1);
    scene.at(9000, () => void scene.put(third, ROUND, { runMs: 20_000 }));
    // The third one cannot give anything to the first.
    scene.at(10_000, () => scene.world.peers.part(third, first, 7200));
    scene.at(17_000, () => {
      scene.link(first, second)?.freeze(3900, "to home");
      scene.world.leaveReplica(third, 2200);
    });
  },
};

/** A replica asks for a hand-over and is killed; the next one of its name has its shards when that request reaches the database. */
export const lateMove: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 12_000,
  play: (scene) => {
    openTwo(scene);
    const first = scene.replica(1);
    comes(scene, 4000, 1, 2);
    scene.at(8000, () => {
      scene.meddleOnce(first, "move", { lateMs: 1500 }, () => scene.world.crashReplica(first, 100));
      first.leave(() => undefined);
    });
    for (let ms = 8500; ms < 12_000; ms += 100) scene.at(ms, () => void scene.put(first, OF_FIRST, { runMs: 10 }));
  },
};

/** Somebody gives a shard to another replica by changing the map: the one that has it finds out. */
export const changedMap: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 15_000,
  play: (scene) => {
    openTwo(scene);
    comes(scene, 4000, 1, 2);
    scene.at(8000, () => scene.world.database.store.cluster.setOwner(OF_FIRST, "2"));
    scene.at(13_000, () => void scene.put(scene.replica(1), OF_FIRST, { runMs: 10 }));
  },
};

/** An agent with attempts of two owners loses its stream, comes back, and says what it holds: each owner judges its own. */
export const twoOwners: DirectedWorld = {
  replicas: 2,
  slots: [4],
  forMs: 30_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second] = [scene.replica(1), scene.replica(2)];
    comes(scene, 4000, 1, 1);
    scene.at(6000, () => {
      scene.put(first, OF_FIRST, { runMs: 20_000 });
      scene.put(second, OF_SECOND, { runMs: 20_000 });
    });
    scene.at(16_000, () => scene.stream(scene.agent(1))?.cut());
  },
  unmet: ranOnce,
};

/**
 * A hand-over turns out not to have happened: the other replica began anew. Meanwhile the owner has given up an agent's attempt and could not write
 * it: what it knows is no longer true.
 */
export const keptAfterAll: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 47_000,
  play: (scene) => {
    const [first, second] = [scene.replica(1), scene.replica(2)];
    scene.at(0, () => first.start());
    comes(scene, 2000, 1, 1);
    scene.at(5000, () => {
      const [id] = scene.put(first, OF_SECOND, { runMs: 1000 });
      scene.at(46_000, () => {
        if (id !== undefined && !scene.world.database.store.done.has(id)) scene.world.broken("expected", `${id} has not ended with the agent that is back`);
      });
    });
    scene.at(5500, () => scene.world.crashAgent(scene.agent(1), 34_500));
    scene.at(33_000, () => {
      scene.meddleOnce(first, "move", { lateMs: 4000 }, () => scene.world.crashReplica(second, 500));
      second.start();
    });
    scene.at(36_500, () => scene.world.crashReplica(second, 60_000));
  },
};

/** An attempt ends while its shard is handed over, and its agent's home has not heard of that: it asks the owner before. */
export const oldOwner: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 15_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second] = [scene.replica(1), scene.replica(2)];
    comes(scene, 4000, 1, 2);
    scene.at(6000, () => void scene.put(first, OF_FIRST, { runMs: 3000 }));
    scene.at(8900, () => scene.link(second, first)?.freeze(1500, "to home"));
    scene.at(8950, () => {
      scene.meddleOnce(second, "load", { answerLateMs: 800 });
      scene.world.leaveReplica(first, 3000);
    });
  },
  unmet: ranOnce,
};

/**
 * An assignment is not confirmed in time, since the agent's stream is late; its attempt has ended before. A copy is being made when the shard
 * is handed over, and is late itself: the next owner has recorded the end by then.
 */
export const lateCopy: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second] = [scene.replica(1), scene.replica(2)];
    comes(scene, 4000, 1, 2);
    scene.at(5990, () => scene.stream(scene.agent(1))?.freeze(7310, "to server"));
    scene.at(6000, () => {
      scene.put(first, OF_FIRST, { runMs: 500 });
      scene.meddleOnce(first, "payloads", { answerLateMs: 300 }, () => {
        scene.link(second, first)?.freeze(3000, "to home");
        scene.meddleOnce(first, "move", { lateMs: 600 });
        scene.world.leaveReplica(first, 3000);
      });
    });
  },
};

/** An assignment is late on its way to the agent's home, which is the next owner of its shard when it comes. */
export const lateBundle: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second] = [scene.replica(1), scene.replica(2)];
    comes(scene, 4000, 1, 2);
    // Its owner has a slot of the agent from then on.
    scene.at(5000, () => void scene.put(first, OF_FIRST, { runMs: 10 }));
    scene.at(5990, () => scene.link(second, first)?.freeze(4500, "to home"));
    scene.at(6000, () => void scene.put(first, OF_FIRST, { runMs: 10_000 }));
    scene.at(6050, () => scene.world.leaveReplica(first, 8000));
  },
};

/** A home gives its link up and dials again; what it had said on the old stream arrives after that. */
export const formerStream: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 30_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second] = [scene.replica(1), scene.replica(2)];
    scene.at(8000, () => {
      const link = scene.link(second, first);
      link?.freeze(20_000, "to home");
      scene.at(11_500, () => link?.freeze(4000, "to owner"));
    });
    comes(scene, 11_600, 1, 2);
    // Its owner needs the agent.
    scene.at(20_000, () => void scene.put(first, OF_FIRST, { runMs: 10 }));
  },
};

/**
 * Shards are being loaded for a long time. Meanwhile their owner gains others, with an attempt that a later epoch than that of the long load has
 * numbered; the job's next attempt begins when both loads are through.
 */
export const longLoad: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 40_000,
  play: (scene) => {
    const [first, second] = [scene.replica(1), scene.replica(2)];
    scene.at(0, () => first.start());
    scene.at(1500, () => second.start());
    scene.when(/r1 to r2: hands over/, () => scene.meddleOnce(second, "load", { answerLateMs: 15_000 }));
    scene.at(6000, () => scene.world.crashReplica(first, 100));
    comes(scene, 9000, 1, 1);
    scene.at(11_000, () => void scene.put(first, OF_FIRST, { runMs: 20_000 }));
    scene.at(12_000, () => scene.world.leaveReplica(first, 60_000));
    scene.at(13_000, () => scene.agent(1, second));
    scene.at(22_000, () => scene.world.crashAgent(scene.agent(1), 500));
  },
};
