import type { Dice, Planned } from "./plan.ts";
import { pick } from "./random.ts";
import type { World } from "./world.ts";

/** One thing that happens to a world. A new kind is one more entry of EVENTS. */
interface EventKind {
  readonly name: string;
  /** How often it comes, relative to the others. */
  readonly weight: number;
  /** @returns what happened, for the trace */
  readonly happen: (world: World, dice: Dice) => string;
}

/** From `low` to `high`, more often near `low`. */
const between = (low: number, high: number, dice: number): number => Math.round(low + (high - low) * dice * dice);

export const EVENTS: readonly EventKind[] = [
  { name: "enqueue", weight: 40, happen: (world, dice) => world.clients.enqueue({ count: 1 + Math.floor(dice[0] * dice[0] * 5), dice }) },
  { name: "burst", weight: 4, happen: (world, dice) => world.clients.enqueue({ count: 8 + Math.floor(dice[0] * 16), dice }) },
  { name: "limited", weight: 12, happen: (world, dice) => world.clients.enqueue({ count: 2 + Math.floor(dice[0] * 8), dice, limited: (dice[0] * 1000) % 1 }) },
  { name: "raise-cap", weight: 2, happen: (world, dice) => world.raiseCap(dice) },
  { name: "keyed", weight: 8, happen: (world, dice) => world.clients.enqueueKeyed(dice) },
  { name: "cancel", weight: 8, happen: (world, dice) => world.clients.cancelAny(dice) },
  {
    name: "shake",
    weight: 5,
    happen: (world, dice) => {
      const forMs = between(500, 10_000, dice[0]);
      world.database.slow(forMs);
      for (const wire of world.openWires()) world.later(dice[1] * forMs, () => wire.cut());
      return `slow database for ${forMs} ms, all streams are cut after ${Math.round(dice[1] * forMs)} ms`;
    },
  },
  {
    name: "crash-agent",
    weight: 5,
    happen: (world, dice) => {
      const agent = pick(world.agents, dice[0]);
      if (agent === undefined) return "nobody";
      const forMs = between(50, 45_000, dice[1]);
      world.crashAgent(agent, forMs);
      return `${agent.name} for ${forMs} ms`;
    },
  },
  {
    name: "stop-agent",
    weight: 5,
    happen: (world, dice) => {
      const agent = pick(world.agents, dice[0]);
      if (agent === undefined) return "nobody";
      const forMs = between(500, 50_000, dice[1]);
      world.stopAgent(agent, forMs, dice[2] < 0.3);
      return `${agent.name} for ${forMs} ms${dice[2] < 0.3 ? ", its machine is suspended" : ""}`;
    },
  },
  {
    name: "hand-back",
    weight: 2,
    happen: (world, dice) => {
      const agent = pick(world.agents, dice[0]);
      if (agent === undefined) return "nobody";
      agent.handBack();
      world.crashAgent(agent, 2000, 3000);
      return agent.name;
    },
  },
  {
    name: "crash-replica",
    weight: 4,
    happen: (world, dice) => {
      const replica = pick(world.replicas, dice[0]);
      if (replica === undefined) return "nobody";
      const forMs = between(200, 40_000, dice[1]);
      world.crashReplica(replica, forMs);
      return `${replica.name} for ${forMs} ms`;
    },
  },
  {
    name: "leave-replica",
    weight: 6,
    happen: (world, dice) => {
      const replica = pick(world.replicas, dice[0]);
      if (replica === undefined) return "nobody";
      const forMs = between(200, 20_000, dice[1]);
      world.leaveReplica(replica, forMs);
      return `${replica.name} for ${forMs} ms`;
    },
  },
  {
    // It meets the others again and gets its part of the shards while the fault lasts.
    name: "leave-and-fault",
    weight: 4,
    happen: (world, dice) => {
      const replica = pick(world.replicas, dice[0]);
      const other = pick(
        world.replicas.filter((entry) => entry !== replica),
        dice[1],
      );
      if (replica === undefined || other === undefined) return "nobody";
      world.leaveReplica(replica, between(200, 5000, dice[2]));
      const inMs = between(0, 3000, dice[3]);
      const victim = dice[1] < 0.5 ? replica : other;
      world.later(inMs, () => {
        if (dice[2] < 0.3) world.crashReplica(victim, 3000);
        else if (dice[2] < 0.5) victim.process.stop(between(1000, 30_000, dice[1]));
        else if (dice[2] < 0.7) world.database.cutOff(victim.process, between(500, 30_000, dice[1]));
        else world.database.slow(3000);
      });
      return `${replica.name}, and a fault of ${victim.name} after ${inMs} ms`;
    },
  },
  {
    name: "cut-peers",
    weight: 3,
    happen: (world, dice) => {
      const wire = pick(world.peers.open(), dice[0]);
      wire?.cut();
      return wire === undefined ? "nothing" : `${wire.home.name}-${wire.owner.name}`;
    },
  },
  {
    name: "delay-peers",
    weight: 3,
    happen: (world, dice) => {
      const forMs = between(500, 10_000, dice[1]);
      for (const wire of world.peers.open()) wire.delay(forMs);
      return `${forMs} ms`;
    },
  },
  {
    name: "partition",
    weight: 4,
    happen: (world, dice) => {
      const replica = pick(world.replicas, dice[0]);
      if (replica === undefined) return "nobody";
      const forMs = between(500, 60_000, dice[1]);
      const deaf = pick(["both", "both", "to owner", "to home"] as const, dice[2]) ?? "both";
      world.peers.partition(replica, forMs, deaf);
      return `${replica.name} for ${forMs} ms, ${deaf}`;
    },
  },
  {
    name: "stop-replica",
    weight: 4,
    happen: (world, dice) => {
      const replica = pick(world.replicas, dice[0]);
      if (replica === undefined) return "nobody";
      const forMs = between(500, 45_000, dice[1]);
      const timersLast = dice[2] < 0.5;
      replica.process.stop(forMs, timersLast);
      return `${replica.name} for ${forMs} ms${timersLast ? ", then what has arrived comes before its timers" : ""}`;
    },
  },
  {
    name: "cut-off-replica",
    weight: 4,
    happen: (world, dice) => {
      const replica = pick(world.replicas, dice[0]);
      if (replica === undefined) return "nobody";
      const forMs = Math.round(100 + dice[1] * 70_000);
      world.database.cutOff(replica.process, forMs);
      return `${replica.name} from the database for ${forMs} ms`;
    },
  },
  {
    // Long enough for its successor to give away what the agents run that stay with it.
    name: "cut-off-owner",
    weight: 3,
    happen: (world, dice) => {
      const replica = world.replicas.find((entry) => entry.owner !== undefined);
      if (replica === undefined) return "nobody";
      const forMs = Math.round(45_000 + dice[1] * 30_000);
      world.database.cutOff(replica.process, forMs);
      // Some agents find the successor.
      for (const inMs of [20_000, 30_000]) world.later(inMs, () => pick(world.openWires(), dice[2])?.cut());
      return `${replica.name} from the database for ${forMs} ms`;
    },
  },
  {
    name: "restart-database",
    weight: 3,
    happen: (world, dice) => {
      const forMs = between(20, 8000, dice[0]);
      world.database.restart(forMs);
      return `${forMs} ms`;
    },
  },
  {
    name: "slow-database",
    weight: 2,
    happen: (world, dice) => {
      const forMs = between(200, 10_000, dice[0]);
      world.database.slow(forMs);
      return `${forMs} ms`;
    },
  },
  {
    name: "cut",
    weight: 6,
    happen: (world, dice) => {
      const wire = pick(world.openWires(), dice[0]);
      wire?.cut();
      return wire === undefined ? "nothing" : `${wire.agent.name}-${wire.server.name}`;
    },
  },
  {
    name: "half-open",
    weight: 5,
    happen: (world, dice) => {
      const wire = pick(world.openWires(), dice[0]);
      const forMs = between(500, 60_000, dice[1]);
      wire?.freeze(forMs);
      return wire === undefined ? "nothing" : `${wire.agent.name}-${wire.server.name} for ${forMs} ms`;
    },
  },
  {
    name: "delay",
    weight: 3,
    happen: (world, dice) => {
      const wire = pick(world.openWires(), dice[0]);
      const forMs = between(500, 15_000, dice[1]);
      wire?.delay(forMs);
      return wire === undefined ? "nothing" : `${wire.agent.name}-${wire.server.name} for ${forMs} ms`;
    },
  },
  {
    name: "isolate-agent",
    weight: 4,
    happen: (world, dice) => {
      const agent = pick(world.agents, dice[0]);
      if (agent === undefined) return "nobody";
      const forMs = between(500, 50_000, dice[1]);
      world.isolate(agent, forMs);
      return `${agent.name} for ${forMs} ms`;
    },
  },
  {
    name: "step-clock",
    weight: 3,
    happen: (world, dice) => {
      const process = pick([...world.agents, ...world.replicas], dice[0])?.process;
      const byMs = Math.round((dice[1] - 0.5) * (dice[2] < 0.7 ? 4000 : 7_200_000));
      if (process !== undefined) world.stepClock(process, byMs);
      return `${process?.name ?? "nobody"} by ${byMs} ms`;
    },
  },
];

/** The first of them are work, not faults. */
const WORK_KINDS = 6;
/** Around a moment at which much happens. */
const CLUSTER_MS = 800;

/**
 * What is to happen to the world of a seed. Worlds differ in what happens at all ("swarm testing", Groce and others, 2012): where few kinds of fault
 * come often, they meet more often than where each kind comes now and then. In some of them events gather around a few moments, for the same reason.
 * @param most events that there are at most
 */
export function planOf(random: () => number, duringMs: number, most: number): Planned[] {
  // Some worlds have few faults and much work, some the other way round.
  const weights = weightsOf(random);
  const count = Math.ceil(most * (0.3 + 0.7 * random()));
  const centres = Array.from({ length: random() < 0.4 ? 2 + Math.floor(random() * 4) : 0 }, () => random() * duringMs);
  const plan: Planned[] = [];
  for (let made = 0; made < count; made++) {
    const dice: Dice = [random(), random(), random(), random()];
    const kind = kindAt(weights, random());
    const centre = random() < 0.7 ? centres[Math.floor(random() * centres.length)] : undefined;
    const atMs = centre === undefined ? random() * duringMs : Math.min(duringMs, Math.max(0, centre + (random() - 0.5) * CLUSTER_MS));
    plan.push({ atMs: Math.round(atMs), kind, dice });
  }
  return plan.sort((a, b) => a.atMs - b.atMs);
}

function weightsOf(random: () => number): number[] {
  const temper = random();
  const isFault = (at: number): boolean => at >= WORK_KINDS;
  if (temper < 0.25) return EVENTS.map(({ weight }, at) => (isFault(at) ? 0 : weight));
  if (temper < 0.6) return EVENTS.map(({ weight }) => weight);
  // About four kinds of fault, as much of them together as of work.
  const drawn = EVENTS.map((_, at) => isFault(at) && random() < 4 / (EVENTS.length - WORK_KINDS));
  const faults = drawn.filter((is) => is).length;
  const work = EVENTS.slice(0, WORK_KINDS).reduce((sum, { weight }) => sum + weight, 0);
  return EVENTS.map(({ weight }, at) => (!isFault(at) ? weight : drawn[at] === true ? work / faults : 0));
}

function kindAt(weights: readonly number[], share: number): string {
  let rest = share * weights.reduce((sum, weight) => sum + weight, 0);
  const found = EVENTS.find((_, at) => {
    rest -= weights[at] ?? 0;
    return rest < 0;
  });
  return (found ?? EVENTS[0])?.name ?? "";
}

export function happen(world: World, event: Planned): string {
  const kind = EVENTS.find((entry) => entry.name === event.kind);
  return `${event.kind}: ${kind === undefined ? "unknown" : kind.happen(world, event.dice)}`;
}
