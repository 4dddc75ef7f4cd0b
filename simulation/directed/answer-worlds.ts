import type { ExitReason } from "../../kernel/exit.ts";
import type { DirectedWorld, Scene, WantedJob } from "../scene.ts";
import { comes, FIRST_GIVES_TO_THIRD, OF_FIRST, openTwo } from "./openings.ts";

/** The owner ends an attempt by force; the agent's report comes while that is being written. */
export const forcedEnd: DirectedWorld = {
  replicas: 1,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    const owner = scene.replica(1);
    scene.at(0, () => owner.start());
    comes(scene, 3000, 1, 1);
    scene.at(5000, () => void scene.put(owner, OF_FIRST, { runMs: 30_000, timeoutMs: 2000 }));
    scene.at(5500, () => {
      const stream = scene.stream(scene.agent(1));
      stream?.freeze(20_000, "to server");
      scene.meddleOnce(owner, "isRecorded", { answerLateMs: 2500 });
      scene.meddleOnce(owner, "flush finish", { lateMs: 1500 }, () => stream?.heal());
    });
  },
};

/** A job waits in the table, and the replica starts again: it is read back soon. An agent comes. */
function readBack(scene: Scene, waits: WantedJob, then: (id: ReturnType<Scene["put"]>[number] | undefined) => void): void {
  const owner = scene.replica(1);
  scene.at(0, () => owner.start());
  scene.at(3000, () => {
    const [id] = scene.put(owner, OF_FIRST, waits);
    then(id);
  });
  scene.at(4000, () => scene.world.crashReplica(owner, 500));
  comes(scene, 4550, 1, 1);
}

/** A job that is only in the table is read back while its end as expired is on the way; an attempt would fail, and the job wait for the next one. */
export const expiryOvertaken: DirectedWorld = {
  replicas: 1,
  slots: [2],
  forMs: 12_000,
  play: (scene) => {
    const owner = scene.replica(1);
    readBack(scene, { runMs: 100, mode: "failure", settings: { queue_ttl_s: 2, retry: { max_attempts: 3, constant: { delay_s: 3 } } } }, () => {
      scene.at(4400, () => {
        scene.meddleOnce(owner, "refill", { answerLateMs: 600 });
        scene.meddleOnce(owner, "flush cancel", { lateMs: 1500 });
      });
    });
  },
};

/** A cancel finds nothing, since the insert of its job is not committed; that is answered before the cancel is. */
export const cancelEarly: DirectedWorld = {
  replicas: 1,
  slots: [2],
  forMs: 12_000,
  play: (scene) => {
    const owner = scene.replica(1);
    scene.at(0, () => owner.start());
    scene.at(3000, () => {
      scene.meddleOnce(owner, "flush insert", { lateMs: 800 });
      scene.meddleOnce(owner, "flush cancel", { answerLateMs: 2000 });
      const [id] = scene.put(owner, OF_FIRST, { runMs: 100 });
      scene.at(3100, () => {
        if (id !== undefined) scene.world.clients.cancel(owner, id);
      });
    });
    comes(scene, 7000, 1, 1);
  },
  unmet: (scene) => unless(scene, "cancelled"),
};

/** A job comes and is cancelled while a refill of its queue is under way, which does not bring it. No agent is there: nobody would ever claim it. */
export const cancelledArrival: DirectedWorld = {
  replicas: 1,
  slots: [],
  forMs: 12_000,
  play: (scene) => {
    const owner = scene.replica(1);
    scene.at(0, () => owner.start());
    scene.at(3000, () => {
      const [before] = scene.put(owner, OF_FIRST, { runMs: 100 });
      scene.at(4000, () => scene.world.crashReplica(owner, 500));
      scene.at(4400, () => scene.meddleOnce(owner, "refill", { answerLateMs: 3000 }));
      scene.at(5000, () => {
        const [id] = scene.put(owner, OF_FIRST, { runMs: 100 });
        scene.at(6000, () => id !== undefined && scene.world.clients.cancel(owner, id));
      });
      scene.at(9000, () => before !== undefined && scene.world.clients.cancel(owner, before));
    });
  },
};

/** The insert of a job is answered when the job has been read back and has failed, and waits for its next attempt. */
export const insertOvertaken: DirectedWorld = {
  replicas: 1,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    const owner = scene.replica(1);
    readBack(scene, { runMs: 100 }, () => {
      scene.at(4400, () => scene.meddleOnce(owner, "refill", { lateMs: 600 }));
      scene.at(4700, () => {
        scene.meddleOnce(owner, "flush insert", { answerLateMs: 4000 });
        scene.put(owner, OF_FIRST, { runMs: 10, mode: "failure", settings: { retry: { max_attempts: 3, constant: { delay_s: 8 } } } });
      });
    });
  },
};

/** The note of a cancel is written when the shard has gone to another owner, which has read the attempt without it. */
export const lateNote: DirectedWorld = {
  replicas: 2,
  slots: [2],
  forMs: 50_000,
  play: (scene) => {
    openTwo(scene);
    const first = scene.replica(1);
    comes(scene, 4000, 1, 2);
    scene.at(6000, () => {
      const [id] = scene.put(first, OF_FIRST, { runMs: 30_000, mode: "failure", settings: { retry: { max_attempts: 3, constant: { delay_s: 0 } } } });
      scene.at(8000, () => {
        scene.world.peers.partition(first, 60_000, "both");
        scene.meddle(({ process, name }) => (name === "renew" && process === first.process ? { lost: true } : undefined));
        scene.meddleOnce(first, "markCancelled", { lateMs: 4500 });
      });
      // Too late for its owner to end it by force.
      scene.at(15_000, () => {
        if (id !== undefined) scene.world.clients.cancel(first, id);
      });
    });
  },
};

/** A cancel is written down only after the attempt's shard was handed over; its agent does not hear of it in time. */
export const noteUnderWay: DirectedWorld = {
  replicas: 3,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    openTwo(scene);
    const [first, second, third] = [scene.replica(1), scene.replica(2), scene.replica(3)];
    comes(scene, 4000, 1, 2);
    scene.at(6000, () => {
      const [id] = scene.put(first, FIRST_GIVES_TO_THIRD, { runMs: 5000, mode: "failure", settings: { retry: { max_attempts: 3, constant: { delay_s: 0 } } } });
      scene.at(8000, () => {
        scene.link(second, first)?.freeze(3900, "to home");
        scene.meddleOnce(first, "markCancelled", { lateMs: 1500 });
        if (id !== undefined) scene.world.clients.cancel(first, id);
        third.start();
      });
    });
  },
};

/** An attempt is claimed for an agent that is gone when that is committed. No other one comes before the job's queue TTL is over. */
export const neverSent: DirectedWorld = {
  replicas: 1,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    const owner = scene.replica(1);
    scene.at(0, () => owner.start());
    comes(scene, 3000, 1, 1);
    scene.at(5000, () => {
      scene.meddleOnce(owner, "flush insert", { lateMs: 1000 }, () => scene.world.crashAgent(scene.agent(1), 60_000));
      scene.put(owner, OF_FIRST, { runMs: 1000, settings: { queue_ttl_s: 5 } });
    });
  },
  unmet: expired,
};

/** A job has failed and is tried again: that attempt is claimed for an agent that is gone when it is committed, and no other one comes for long. */
export const triedUnsent: DirectedWorld = {
  replicas: 1,
  slots: [2],
  forMs: 20_000,
  play: (scene) => {
    const owner = scene.replica(1);
    scene.at(0, () => owner.start());
    comes(scene, 3000, 1, 1);
    scene.at(5000, () => {
      scene.meddleOnce(owner, "flush claim", { lateMs: 1000 }, () => scene.world.crashAgent(scene.agent(1), 60_000));
      scene.put(owner, OF_FIRST, { runMs: 100, mode: "failure", settings: { queue_ttl_s: 5, retry: { max_attempts: 2, constant: { delay_s: 1 } } } });
    });
  },
  unmet: failed,
};

/** The payload of a job cannot be read, and the agent goes before it is tried again: its attempt was not sent, and no other one begins in time. */
export const neverRead: DirectedWorld = {
  replicas: 1,
  slots: [2],
  forMs: 30_000,
  play: (scene) => {
    const owner = scene.replica(1);
    scene.at(0, () => owner.start());
    scene.at(3000, () => void scene.put(owner, OF_FIRST, { runMs: 1000, settings: { queue_ttl_s: 20 } }));
    // Afterwards it does not have the payload in memory.
    scene.at(4000, () => scene.world.crashReplica(owner, 100));
    comes(scene, 6000, 1, 1);
    scene.at(5000, () => scene.meddleOnce(owner, "payloads", { lost: true }, () => scene.world.crashAgent(scene.agent(1), 60_000)));
  },
  unmet: expired,
};

/** An attempt begins, and its owner does not hear of that before the agent has crashed and is back without it. */
export const sentUnheard: DirectedWorld = {
  replicas: 1,
  slots: [2],
  forMs: 12_000,
  play: (scene) => {
    const owner = scene.replica(1);
    scene.at(0, () => owner.start());
    comes(scene, 3000, 1, 1);
    scene.at(5000, () => {
      scene.stream(scene.agent(1))?.freeze(3000, "to server");
      scene.put(owner, OF_FIRST, { runMs: 5000, settings: { queue_ttl_s: 30 } });
      scene.world.crashAgent(scene.agent(1), 200, 500);
    });
  },
};

function expired(scene: Scene): string | undefined {
  return unless(scene, "expired");
}

function failed(scene: Scene): string | undefined {
  return unless(scene, "exit_code");
}

/** @returns what is wrong when a job has ended otherwise */
function unless(scene: Scene, reason: ExitReason): string | undefined {
  for (const [id, { exit }] of scene.world.database.store.done) if (exit.reason !== reason) return `${id} ended as ${exit.reason}, not as ${reason}`;
  return undefined;
}
