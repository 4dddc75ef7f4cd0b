import type { AgentKey, Token } from "../../../kernel/ids.ts";
import type { FlushWriter } from "../../jobs/flush-writer.ts";
import { silentAgent } from "../core/agents-core.ts";
import { adoptRunning } from "../core/dispatch-core.ts";
import { resumeDebounces } from "../core/limits-core.ts";
import { admitCold } from "../core/queue-core.ts";
import { freezeShards, unfreezeShards } from "../core/shards-core.ts";
import type { LoadedShards } from "../owner-store.ts";
import { storedWindow } from "../window-store.ts";
import type { LocalOwner } from "./local-owner.ts";
import type { PendingCancel } from "./peers.ts";

const LOOK_EVERY_MS = 5;

/**
 * First half of a hand-over: nothing new is taken or picked for the shards, and what is in flight is awaited, so that no write of ours can
 * come after the map has changed: our epoch stays valid for the other shards and does not fence it.
 * When that is so they are sealed: whatever comes up until the map has changed (an agent that is reclaimed, a deadline) cannot be written.
 * @returns false when it took too long; `keepShards` then takes it back
 */
export async function drainShards(local: LocalOwner, writer: FlushWriter, shards: readonly number[], withinMs: number): Promise<boolean> {
  const set = new Set(shards);
  const deadlineMs = performance.now() + withinMs;
  local.shards.set(shards, "leaving");
  freezeShards(local.owner.state, set);
  local.owner.release();
  for (;;) {
    if (!(await writer.whenIdle(shards, Math.max(0, deadlineMs - performance.now())))) return false;
    if (writer.isIdle(shards) && !hasUnsent(local, set)) {
      local.shards.set(shards, "sealed");
      return true;
    }
    if (performance.now() > deadlineMs) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

export function keepShards(local: LocalOwner, shards: readonly number[]): void {
  local.shards.set(shards, "owned");
  unfreezeShards(local.owner.state, new Set(shards));
  local.owner.resume();
}

/** Second half, when the map has changed. @returns cancellations that the next owner has to know */
export function letGo(local: LocalOwner, shards: readonly number[]): PendingCancel[] {
  const { running } = local.owner.forget(new Set(shards));
  local.shards.set(shards, "none");
  local.agents.gaveAway(running);
  return [...running.values()].flat().flatMap(({ job, token, cancel }) => (cancel === undefined ? [] : [{ id: job.id, token, reason: cancel.reason }]));
}

/**
 * Takes over what the tables have of shards. An agent that is not attached may still run its attempts: it has `reclaimMs` to appear, and
 * never less than the promise of the owner before.
 * @param goneInMs per shard: until then an agent may run its attempts although nobody hears of it
 */
export function adoptShards(local: LocalOwner, loaded: LoadedShards, goneInMs: readonly number[], nowMs: number, reclaimMs: number): void {
  const { state } = local.owner;
  // Before any limit is seen that they belong to.
  for (const window of loaded.windows) state.storedWindows.set(window.id, storedWindow(window, nowMs));
  const adopted = new Map<AgentKey, Token[]>();
  for (const row of loaded.running) {
    const sinceMs = Math.max(nowMs, nowMs + (goneInMs[row.job.shard] ?? 0) - reclaimMs);
    const agent = silentAgent(state, row.agent, sinceMs);
    if (agent.silentSinceMs !== undefined) agent.silentSinceMs = Math.max(agent.silentSinceMs, sinceMs);
    const running = adoptRunning(state, agent, row.job, row.token, nowMs - row.ageMs, nowMs);
    if (row.cancelReason !== undefined) local.owner.adoptedCancelled(running, row.cancelReason);
    const tokens = adopted.get(row.agent) ?? [];
    tokens.push(row.token);
    adopted.set(row.agent, tokens);
  }
  for (const group of loaded.groups) admitCold(state, group);
  for (const { newest } of loaded.groups) if (newest !== undefined) resumeDebounces(state, newest, loaded.databaseMs - newest.dueAtMs, nowMs);
  for (const [key, tokens] of adopted) local.agents.tookOver(key, tokens);
}

/** Attempts whose claim is committed and whose bundle is still being read. */
function hasUnsent(local: LocalOwner, shards: ReadonlySet<number>): boolean {
  for (const running of local.owner.state.running.values()) {
    if (running.phase === "assigned" && running.sentAtMs === 0 && shards.has(running.job.shard)) return true;
  }
  return false;
}
