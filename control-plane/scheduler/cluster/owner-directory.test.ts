import { expect, test } from "vitest";
import type { OwnerPort } from "../owner-port.ts";
import { OwnerDirectory } from "./owner-directory.ts";

// Only who it is matters here.
const port = (replicaId: string): OwnerPort => ({ replicaId, isLocal: false }) as OwnerPort;

function listening(directory: OwnerDirectory): string[] {
  const told: string[] = [];
  directory.listen({
    ownerCame: ({ replicaId }) => told.push(`${replicaId} came`),
    ownerGone: ({ replicaId }) => told.push(`${replicaId} gone`),
    shardsMoved: () => undefined,
  });
  return told;
}

test("of two that claim a shard the later one has it, also when the earlier repeats itself", () => {
  const directory = new OwnerDirectory();
  const [a, b] = [port("1"), port("2")];
  directory.announce(a, [1, 2, 3]);
  directory.announce(b, [3]);
  directory.announce(a, [1, 2, 3]);
  expect([1, 2, 3].map((shard) => directory.ownerOf(shard)?.replicaId)).toEqual(["1", "1", "2"]);
  directory.announce(a, [1, 2]);
  expect(directory.ownerOf(3)).toBe(b);
  // Given back.
  directory.announce(b, []);
  expect(directory.ownerOf(3)).toBeUndefined();
  directory.announce(a, [1, 2, 3]);
  expect(directory.ownerOf(3)).toBe(a);
  expect(directory.missing).toBe(61);
});

test("when the later of two claims is taken back, or its owner is gone, the earlier one stands: the later was old news", () => {
  const directory = new OwnerDirectory();
  const [ours, theirs] = [port("1"), port("2")];
  directory.announce(ours, [1, 2]);
  directory.announce(theirs, [1, 2, 3]);
  directory.announce(theirs, [2, 3]);
  expect([1, 2].map((shard) => directory.ownerOf(shard)?.replicaId)).toEqual(["1", "2"]);
  directory.remove(theirs);
  expect([1, 2, 3].map((shard) => directory.ownerOf(shard)?.replicaId)).toEqual(["1", "1", undefined]);
});

test("an owner that starts anew replaces its former self, whose end changes nothing then", () => {
  const directory = new OwnerDirectory();
  const told = listening(directory);
  const [before, after] = [port("1"), port("1")];
  directory.announce(before, [1, 2]);
  directory.announce(after, [2]);
  directory.remove(before);
  expect(told).toEqual(["1 came", "1 gone", "1 came"]);
  expect([directory.ownerOf(1), directory.ownerOf(2)]).toEqual([undefined, after]);
  directory.remove(after);
  expect([directory.ownerOf(2), directory.ports]).toEqual([undefined, []]);
});

test("those who wait for an owner wake when one comes, or when their time is over", async () => {
  const directory = new OwnerDirectory();
  const waiting = directory.changed(60_000);
  directory.announce(port("1"), [5]);
  await waiting;
  await directory.changed(5);
  expect(directory.hasRemote).toBe(true);
});
