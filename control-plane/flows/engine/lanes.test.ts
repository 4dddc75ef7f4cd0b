import { expect, test } from "vitest";
import { Lanes } from "./lanes.ts";

/** Work that ends when it is told to. */
function open(): { readonly work: () => Promise<void>; readonly end: () => void } {
  let end = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { work: () => done, end };
}

test("so much is worked on at a time, and those who wait have their turns by workspace", async () => {
  const lanes = new Lanes(4, 4);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const take = (workspace: string, name: string): Promise<void> => {
    const { work, end } = open();
    return lanes.take(workspace, () => {
      begun.push(name);
      ends.push(end);
      return work();
    });
  };
  const all = [..."abcdefgh"].map((name) => take("1", name));
  all.push(take("2", "x"), take("2", "y"));
  expect(begun).toEqual(["a", "b", "c", "d"]);
  while (begun.length < 10 || ends.length > 0) {
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(all);
  expect(begun).toEqual(["a", "b", "c", "d", "e", "x", "f", "y", "g", "h"]);
});

test("one workspace leaves room for others, however much it has, also when its work fails", async () => {
  const lanes = new Lanes(4, 3);
  const slow = open();
  const many = Array.from({ length: 50 }, () => lanes.take("1", slow.work));
  await expect(lanes.take("2", async () => "done")).resolves.toBe("done");
  await expect(
    lanes.take("2", async () => {
      throw new Error("no");
    }),
  ).rejects.toThrow("no");
  await expect(lanes.take("3", async () => "done")).resolves.toBe("done");
  slow.end();
  await Promise.all(many);
  await expect(Promise.all(Array.from({ length: 9 }, () => lanes.take("1", async () => 1)))).resolves.toHaveLength(9);
});
