/** Replica of each shard, by its number; undefined while nobody has it. */
export type ShardMap = readonly (string | undefined)[];

export interface ShardMove {
  readonly shard: number;
  readonly to: string;
}

/** Gives shards that nobody has to those who have the fewest. @param living in an order that all agree on */
export function assignOrphans(map: ShardMap, living: readonly string[]): ShardMove[] {
  const counts = countsOf(map, living);
  const moves: ShardMove[] = [];
  map.forEach((owner, shard) => {
    if (owner !== undefined) return;
    const to = poorest(counts);
    if (to === undefined) return;
    counts.set(to, (counts.get(to) ?? 0) + 1);
    moves.push({ shard, to });
  });
  return moves;
}

/**
 * What `self` should hand over so that all have the same number of shards, one more or less. Every replica works this out for itself from
 * the same map and gives away only what is its own, so nobody has to lead; a view that is out of date costs a detour, never a shard. A
 * replica that leaves gives everything. The fewest possible shards move.
 * @param living those that may get shards, in an order that all agree on
 */
export function surplusOf(map: ShardMap, living: readonly string[], self: string): ShardMove[] {
  const counts = countsOf(map, living);
  if (counts.size === 0) return [];
  const mine = map.flatMap((owner, shard) => (owner === self ? [shard] : []));
  const quota = quotas(map.length, counts);
  const spare = mine.slice(Math.min(mine.length, quota.get(self) ?? 0));
  const room = [...quota].flatMap(([replica, most]) => Array.from({ length: Math.max(0, most - (counts.get(replica) ?? 0)) }, () => replica));
  // Others with a surplus fill the same room: each takes its own part of it, in the order of the ids.
  let taken = 0;
  for (const [replica, count] of countsOfAll(map)) {
    if (replica === self) break;
    taken += Math.max(0, count - (quota.get(replica) ?? 0));
  }
  return spare.flatMap((shard, at) => {
    const to = room[taken + at];
    return to === undefined || to === self ? [] : [{ shard, to }];
  });
}

/** Everyone's fair number; those who have more already keep the odd ones, so that nothing moves in circles. */
function quotas(shards: number, counts: ReadonlyMap<string, number>): Map<string, number> {
  const least = Math.floor(shards / counts.size);
  let odd = shards - least * counts.size;
  const richest = [...counts].sort((a, b) => b[1] - a[1]);
  const withOdd = new Set<string>();
  for (const [replica] of richest) if (odd-- > 0) withOdd.add(replica);
  return new Map([...counts.keys()].map((replica) => [replica, least + (withOdd.has(replica) ? 1 : 0)]));
}

function countsOf(map: ShardMap, living: readonly string[]): Map<string, number> {
  const counts = new Map(living.map((replica) => [replica, 0]));
  for (const owner of map) {
    const count = owner === undefined ? undefined : counts.get(owner);
    if (owner !== undefined && count !== undefined) counts.set(owner, count + 1);
  }
  return counts;
}

function countsOfAll(map: ShardMap): [string, number][] {
  const counts = new Map<string, number>();
  for (const owner of map) if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => Number(a) - Number(b));
}

function poorest(counts: ReadonlyMap<string, number>): string | undefined {
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const [replica, count] of counts) {
    if (count >= least) continue;
    best = replica;
    least = count;
  }
  return best;
}
