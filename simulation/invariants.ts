import type { SchedulerState } from "../control-plane/scheduler/core/state-core.ts";
import type { WorkspaceId } from "../kernel/ids.ts";

/** A rule about an owner's memory that holds between any two events. A new rule is one more entry. */
interface Invariant {
  readonly name: string;
  /** @returns what is wrong, or undefined */
  readonly check: (state: SchedulerState) => string | undefined;
}

export const INVARIANTS: readonly Invariant[] = [
  {
    name: "permits",
    check: (state) => {
      const running = new Map<WorkspaceId, number>();
      for (const entry of state.running.values()) {
        if (entry.phase !== "ending") running.set(entry.job.workspace, (running.get(entry.job.workspace) ?? 0) + 1);
      }
      for (const tenant of state.tenants.values()) {
        const counted = running.get(tenant.workspace) ?? 0;
        if (tenant.running !== counted) return `workspace ${tenant.workspace} is charged for ${tenant.running} running jobs and has ${counted}`;
      }
      return undefined;
    },
  },
  {
    name: "waiting",
    check: (state) => {
      for (const route of state.routes.values()) {
        let least = 0;
        for (const share of route.shares.values()) for (const queue of share.queues.values()) least += queue.hotCount + queue.cold;
        if (route.waiting < least) return `route ${route.language} counts ${route.waiting} waiting jobs and has at least ${least}`;
      }
      return undefined;
    },
  },
  {
    name: "permits of limits",
    check: (state) => {
      const counted = new Map<string, number>();
      for (const { job } of state.running.values()) for (const { id } of job.limits?.specs ?? []) counted.set(id, (counted.get(id) ?? 0) + 1);
      for (const limit of state.limits.values()) {
        if (limit.spec.kind !== "running") continue;
        for (const holder of limit.holders)
          if (state.running.get(holder.job.id) !== holder) return `${holder.job.id} holds a permit of ${limit.spec.key} and is not running`;
        if (limit.holders.size !== (counted.get(limit.id) ?? 0))
          return `${limit.holders.size} permits of ${limit.spec.key} for ${counted.get(limit.id) ?? 0} jobs`;
        const left = limit.spec.max - limit.holders.size;
        for (const line of limit.lines.values())
          if (line.queues > 0 && left > line.woken) return `${left} permits of ${limit.spec.key} lie about while jobs wait for them`;
      }
      return undefined;
    },
  },
  {
    name: "held",
    check: (state) => {
      for (const agent of state.agents.values()) {
        for (const [id, entry] of agent.running) {
          if (state.running.get(id) !== entry) return `agent ${agent.key} holds a slot for ${id}, which is not running`;
        }
      }
      return undefined;
    },
  },
];
