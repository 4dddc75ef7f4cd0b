import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { OutputPump } from "./output-pump.ts";

function pumpWith(deliver: (stream: number, data: Buffer) => Promise<void> | undefined) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  return { stdout, stderr, pump: new OutputPump(stdout, stderr, deliver) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("OutputPump", () => {
  it("holds everything back until it is released, then keeps the order", async () => {
    const got: string[] = [];
    const { stdout, stderr, pump } = pumpWith((stream, data) => {
      got.push(`${stream}${data}`);
      return undefined;
    });
    stdout.write("a");
    await turn();
    stderr.write("b");
    await turn();
    expect([got, pump.heldText()]).toEqual([[], "ab"]);
    pump.release();
    stdout.write("c");
    stdout.end();
    stderr.end();
    await pump.ended;
    expect(got).toEqual(["0a", "1b", "0c"]);
  });

  it("is not drained before all that was held back has been taken, also when both pipes have ended long ago", async () => {
    const got: string[] = [];
    let take = (): void => undefined;
    const { stdout, stderr, pump } = pumpWith((_stream, data) => {
      got.push(String(data));
      return new Promise((resolve) => {
        take = resolve;
      });
    });
    stdout.end("a");
    stderr.end("b");
    await pump.ended;
    pump.release();
    let cut: boolean | undefined;
    const draining = pump.drain(10_000, 60_000).then((lost) => {
      cut = lost;
    });
    for (const taken of [["a"], ["a", "b"]]) {
      await turn();
      expect([got, cut]).toEqual([taken, undefined]);
      take();
    }
    await draining;
    expect(cut).toBe(false);
  });

  it("goes on when a receiver fails to take what was held back, as with what came later", async () => {
    const got: string[] = [];
    const { stdout, stderr, pump } = pumpWith((_stream, data) => {
      got.push(String(data));
      return Promise.reject(new Error("full"));
    });
    stdout.write("a");
    stderr.end("b");
    await turn();
    pump.release();
    await turn();
    stdout.end("c");
    await pump.ended;
    expect([got, await pump.drain(10_000, 60_000)]).toEqual([["a", "b", "c"], false]);
  });

  it("stops holding at a bound", async () => {
    const { stdout } = pumpWith(() => undefined);
    for (let index = 0; index < 100; index++) stdout.write(Buffer.alloc(4_096));
    await turn();
    expect(stdout.isPaused()).toBe(true);
  });

  it("gives up on a pipe that stays open and silent, but waits for a busy receiver", async () => {
    let release = (): void => undefined;
    const { stdout, stderr, pump } = pumpWith(
      () =>
        new Promise((resolve) => {
          release = resolve;
        }),
    );
    pump.release();
    stdout.end("x");
    await turn();
    let drained: boolean | undefined;
    const draining = pump.drain(20, 10_000).then((cut) => {
      drained = cut;
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(drained).toBeUndefined();
    release();
    await draining;
    expect([drained, stderr.destroyed]).toEqual([true, true]);
  });

  it("gives up on a receiver that stays busy, at the limit", async () => {
    const { stdout, pump } = pumpWith(() => new Promise(() => undefined));
    pump.release();
    stdout.write("x");
    await turn();
    expect(await pump.drain(10, 50)).toBe(true);
  });
});
