import type { DirectedWorld, Scene } from "../scene.ts";
import { comes, FIRST_GIVES_TO_THIRD, OF_FIRST, OF_SECOND, openTwo, ranOnce } from "./openings.ts";

const FOR_LONG_MS = 90_000;

/** The first replica's job runs on an agent whose home is the second; another agent, at the first one, comes when that is so. */
function runElsewhere(scene: Scene, runMs: number): void {
  openTwo(scene);
  comes(scene, 4000, 1, 2);
  scene.at(6000, () => void scene.put(scene.replica(1), OF_FIRST, { runMs }));
  comes(scene, 8000, 2, 1);
}

/**
 * The owner and the home of its attempt do not hear of each other; the home is about to end it when its agent cannot hear it any more. The agent has a
 * lease of its own from then on, and ends it later than its home would have.
 */
export const twoLeases: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 75_000,
  play: (scene) => {
    runElsewhere(scene, 120_000);
    scene.at(10_000, () => scene.world.peers.partition(scene.replica(1), FOR_LONG_MS, "both"));
    scene.at(28_000, () => scene.world.isolate(scene.agent(1), FOR_LONG_MS));
  },
};

/** The same when the agent was connected to its owner and has lost it: it comes to a home that cannot say so. */
export const movedAgent: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 75_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second, agent] = [scene.replica(1), scene.replica(2), scene.agent(1)];
    comes(scene, 4000, 1, 1);
    scene.at(6000, () => void scene.put(first, OF_FIRST, { runMs: 120_000 }));
    comes(scene, 8000, 2, 1);
    scene.at(10_000, () => {
      scene.world.peers.partition(first, FOR_LONG_MS, "both");
      scene.stream(agent)?.freeze(FOR_LONG_MS);
      scene.agent(1, second);
    });
    scene.at(28_000, () => scene.world.isolate(agent, FOR_LONG_MS));
  },
};

/** The same with a next owner, which has never heard of that home. */
export const unheardHome: DirectedWorld = {
  replicas: 3,
  slots: [2, 2],
  forMs: 75_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second, third] = [scene.replica(1), scene.replica(2), scene.replica(3)];
    comes(scene, 4000, 1, 2);
    scene.at(6000, () => void scene.put(first, FIRST_GIVES_TO_THIRD, { runMs: 120_000 }));
    scene.at(7000, () => {
      scene.world.peers.part(second, third, FOR_LONG_MS);
      scene.world.peers.part(third, second, FOR_LONG_MS);
      third.start();
    });
    comes(scene, 10_000, 2, 3);
    scene.at(26_500, () => scene.world.isolate(scene.agent(1), FOR_LONG_MS));
  },
};

/**
 * The machine of a home is suspended, and its agent is back with it in time; the owner of the agent's attempt hears nothing of all that. The home's
 * monotonic clock says that it has waited for a second.
 */
export const suspendedApart: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 75_000,
  play: (scene) => {
    runElsewhere(scene, 120_000);
    const [owner, home] = [scene.replica(1), scene.replica(2)];
    scene.at(10_000, () => {
      scene.world.peers.partition(owner, FOR_LONG_MS, "both");
      // Nobody takes the home for dead.
      scene.meddle(({ process, name }) => (name === "takeOver" && process === owner.process ? { lost: true } : undefined));
    });
    scene.at(11_000, () => {
      home.process.stop(17_000);
      home.process.sleptMs += 17_000;
    });
    scene.at(46_000, () => scene.world.isolate(scene.agent(1), FOR_LONG_MS));
  },
};

/** Somebody sets the wall clock of a home forward: what its agents run for other owners goes on. */
export const clockSet: DirectedWorld = {
  replicas: 2,
  slots: [2, 2],
  forMs: 30_000,
  play: (scene) => {
    runElsewhere(scene, 15_000);
    // Just before the home looks for owners that are silent.
    scene.at(10_200, () => scene.world.stepClock(scene.replica(2).process, 3_600_000));
  },
  unmet: ranOnce,
};

/** An owner is replaced while it cannot reach the database. Its successor gives a job to an agent that is still with it. */
export const replacedOwner: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 35_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second] = [scene.replica(1), scene.replica(2)];
    comes(scene, 4000, 1, 1);
    // Each owner has one slot from then on.
    scene.at(6000, () => void scene.put(second, OF_SECOND, { runMs: 10 }));
    scene.at(9000, () => scene.world.database.cutOff(first.process, FOR_LONG_MS));
    scene.when(/^r2 to r1: owns 64 shards/, () => void scene.put(second, OF_FIRST, { runMs: 8000 }), 100);
  },
  unmet: ranOnce,
};
