import type { Scene } from "../scene.ts";

/** Shards of the replicas when the first two, or all three, are there: those that a third one gets when it comes are the first one's last. */
export const OF_FIRST = 5;
export const FIRST_GIVES_TO_THIRD = 30;
export const OF_SECOND = 40;

/** The first replica is there and has all shards; the second one follows and gets half of them. Both are ready after three seconds. */
export function openTwo(scene: Scene): void {
  scene.at(0, () => scene.replica(1).start());
  scene.at(1500, () => scene.replica(2).start());
}

/** An agent comes, and dials that replica only. */
export function comes(scene: Scene, atMs: number, agent: number, home: number): void {
  scene.at(atMs, () => scene.agent(agent, scene.replica(home)).start());
}

/** @returns what is wrong when an attempt was lost although no agent was */
export function ranOnce(scene: Scene): string | undefined {
  for (const [id, { attempt }] of scene.world.database.store.done) if (attempt !== 1) return `${id} had ${attempt} attempts`;
  return undefined;
}
