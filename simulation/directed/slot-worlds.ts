import type { DirectedWorld } from "../scene.ts";
import { comes, FIRST_GIVES_TO_THIRD, OF_FIRST, OF_SECOND, openTwo } from "./openings.ts";

/** The home orders more slots for an owner, which gives an attempt and its slot away before it hears of them. */
export const voidOrder: DirectedWorld = {
  replicas: 3,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second, third] = [scene.replica(1), scene.replica(2), scene.replica(3)];
    comes(scene, 4000, 1, 2);
    // Each owner has one slot from then on.
    scene.at(5000, () => void scene.put(second, OF_SECOND, { runMs: 10 }));
    scene.at(6000, () => void scene.put(first, FIRST_GIVES_TO_THIRD, { runMs: 30_000 }));
    scene.at(8000, () => {
      scene.link(second, first)?.freeze(4000, "to owner");
      scene.put(first, OF_FIRST, { runMs: 20_000 }, { runMs: 20_000 }, { runMs: 20_000 });
      // The orders that follow do know of it.
      scene.when(/^r2 to r1: 2 slots/, () => scene.link(second, first)?.freeze(1500, "to owner"));
    });
    scene.at(8050, () => third.start());
  },
};

/** An owner has said that it holds less; before that is heard it is ordered more, uses it, and is ordered less again. */
export const oldReport: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second] = [scene.replica(1), scene.replica(2)];
    const long = { runMs: 30_000 };
    comes(scene, 4000, 1, 2);
    scene.at(7000, () => {
      scene.link(second, first)?.freeze(3900, "to home");
      const [, ...waiting] = scene.put(second, OF_SECOND, long, long, long);
      scene.at(7200, () => {
        for (const id of waiting) scene.world.clients.cancel(second, id);
      });
    });
    scene.at(8600, () => void scene.put(first, OF_FIRST, long));
    scene.at(8900, () => void scene.put(second, OF_SECOND, long, long));
  },
};

/** More attempts run than an owner's share allows, since it was made smaller; then it gives one of them away with its shard. */
export const smallerShare: DirectedWorld = {
  replicas: 3,
  slots: [4],
  forMs: 20_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second, third] = [scene.replica(1), scene.replica(2), scene.replica(3)];
    const long = { runMs: 30_000 };
    comes(scene, 4000, 1, 2);
    scene.at(6000, () => void scene.put(first, FIRST_GIVES_TO_THIRD, long));
    scene.at(6100, () => void scene.put(first, OF_FIRST, long, long, long));
    scene.at(7000, () => {
      const waiting = scene.put(second, OF_SECOND, long, long);
      scene.at(8000, () => {
        for (const id of waiting) scene.world.clients.cancel(second, id);
      });
    });
    scene.at(9500, () => third.start());
  },
};

/** An agent comes back with more attempts than it has slots: the end of one of them is being written, and another one has its slot. */
export const beyondSlots: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 15_000,
  play: (scene) => {
    openTwo(scene);
    const first = scene.replica(1);
    const long = { runMs: 30_000 };
    comes(scene, 4000, 1, 2);
    scene.at(6000, () => {
      scene.meddleOnce(first, "flush finish", { lateMs: 3000 });
      const third = scene.put(first, OF_FIRST, long, { runMs: 1000 }, long, long)[2];
      scene.when(new RegExp(`^a1 runs ${third?.slice(-4)} `), () => scene.stream(scene.agent(1))?.cut(), 100);
    });
  },
};

/** As before, but another owner has got the slot of the attempt whose end is being written. Its owner wants one again, and is not heard for a while. */
export const takenSlot: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 15_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second] = [scene.replica(1), scene.replica(2)];
    const long = { runMs: 30_000 };
    comes(scene, 4000, 1, 2);
    scene.at(6000, () => {
      scene.meddleOnce(first, "flush finish", { lateMs: 3000 });
      scene.put(first, OF_FIRST, { runMs: 1000 });
      const last = scene.put(second, OF_SECOND, long, long)[1];
      scene.when(new RegExp(`^a1 runs ${last?.slice(-4)} `), () => void scene.put(first, OF_FIRST, long), 100);
      scene.when(new RegExp(`^a1 runs ${last?.slice(-4)} `), () => scene.stream(scene.agent(1))?.cut(), 1100);
    });
    scene.when(/^r1 to r2: holds .* adopted \[[0-9]/, () => scene.link(second, first)?.freeze(3500, "to home"));
  },
};

/**
 * The owner ends a cancelled attempt by force while its shard is being handed over, and cannot write that. The shard comes back with the attempt,
 * and then the agent's own report.
 */
export const backAgain: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    const [first, second] = [scene.replica(1), scene.replica(2)];
    scene.at(0, () => first.start());
    comes(scene, 2000, 1, 1);
    scene.at(5000, () => {
      const [id] = scene.put(first, OF_SECOND, { runMs: 60_000 });
      scene.at(5900, () => scene.stream(scene.agent(1))?.freeze(7000, "to server"));
      scene.at(6000, () => {
        if (id !== undefined) scene.world.clients.cancel(first, id);
      });
    });
    scene.at(8600, () => {
      scene.meddleOnce(first, "move", { lateMs: 2800 });
      second.start();
      scene.when(/^r2 to r1: owns 32 shards/, () => scene.world.leaveReplica(second, 6000));
    });
  },
};
