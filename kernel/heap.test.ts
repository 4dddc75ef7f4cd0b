import { expect, test } from "vitest";
import { fc } from "./fast-check.fixture.ts";
import { Heap } from "./heap.ts";

test("retain keeps what it is told to, in order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new Heap<number>((a, b) => a < b);
      for (const number of numbers) heap.push(number);
      heap.retain((number) => number % 2 === 0);
      const kept = Array.from({ length: heap.size }, () => heap.pop());
      expect(kept).toEqual(numbers.filter((number) => number % 2 === 0).sort((a, b) => a - b));
    }),
  );
});

test("pops what was pushed in sorted order, with pushes and pops mixed", () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer(), { nil: undefined }), { maxLength: 400 }), (steps) => {
      const heap = new Heap<number>((a, b) => a < b);
      const model: number[] = [];
      for (const step of steps) {
        if (step === undefined) {
          expect(heap.pop()).toBe(model.shift());
        } else {
          heap.push(step);
          model.push(step);
          model.sort((a, b) => a - b);
        }
        expect(heap.size).toBe(model.length);
        expect(heap.peek()).toBe(model[0]);
      }
    }),
  );
});
