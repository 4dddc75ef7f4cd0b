/** What a job needs of its host while it runs. */
export interface Demand {
  readonly memoryBytes: number;
  /** Thousandths of a processor. */
  readonly cpuMillis: number;
}

export const NOTHING: Demand = { memoryBytes: 0, cpuMillis: 0 };

export function plus(a: Demand, b: Demand): Demand {
  return { memoryBytes: a.memoryBytes + b.memoryBytes, cpuMillis: a.cpuMillis + b.cpuMillis };
}

export function minus(a: Demand, b: Demand): Demand {
  return { memoryBytes: a.memoryBytes - b.memoryBytes, cpuMillis: a.cpuMillis - b.cpuMillis };
}

/** Whether the demand stays within the room, each part of it. */
export function fits(demand: Demand, room: Demand): boolean {
  return demand.memoryBytes <= room.memoryBytes && demand.cpuMillis <= room.cpuMillis;
}
