import { pino } from "pino";
import { expect, test } from "vitest";
import { ServerFrame } from "../../proto/gen/millrace/agent/v1/session.ts";
import { openInTurn } from "./in-turn.ts";
import type { SessionStream, StreamHandlers } from "./stream.ts";

const WELCOME = ServerFrame.fromPartial({ welcome: { protocolVersion: 1 } });
const DRAIN = ServerFrame.fromPartial({ drain: { reason: "r", withinMs: 1 } });

/** Streams that the test ends; none is real. */
function dialler(random: number, addresses = ["a:1", "b:1", "c:1"]) {
  const dialled: string[] = [];
  const streams: StreamHandlers[] = [];
  const open = openInTurn(
    addresses,
    ({ address }, handlers) => {
      dialled.push(address);
      streams.push(handlers);
      return {} as SessionStream;
    },
    pino({ level: "silent" }),
    () => random,
  );
  return {
    dialled,
    /** @param frames what the replica says @param closes whether the stream breaks; otherwise the agent gives it up */
    dial: (frames: readonly ServerFrame[], closes: boolean): void => {
      open({ address: "", token: "t", tls: false, caFile: "" }, { onFrame: () => undefined, onClosed: () => undefined });
      for (const frame of frames) streams.at(-1)?.onFrame(frame);
      if (closes) streams.at(-1)?.onClosed("over", undefined);
    },
  };
}

test("it begins anywhere, and goes round for as long as nobody welcomes it", () => {
  for (const [random, first] of [
    [0, "a:1"],
    [0.5, "b:1"],
    [0.999, "c:1"],
  ] as const) {
    const { dialled, dial } = dialler(random);
    dial([], true);
    expect(dialled).toEqual([first]);
  }
  const { dialled, dial } = dialler(0.5);
  for (let dials = 0; dials < 5; dials++) dial([], dials % 2 === 0);
  expect(dialled).toEqual(["b:1", "c:1", "a:1", "b:1", "c:1"]);
});

test("a stream that breaks is opened there once more; one that was given up, or that the replica wanted gone, is not", () => {
  const { dialled, dial } = dialler(0);
  dial([WELCOME], true);
  dial([WELCOME], true);
  dial([], true);
  expect(dialled).toEqual(["a:1", "a:1", "a:1"]);
  dial([WELCOME], false);
  dial([WELCOME, DRAIN], true);
  dial([], true);
  expect(dialled.slice(3)).toEqual(["b:1", "c:1", "a:1"]);
});

test("one address is dialled every time", () => {
  const { dialled, dial } = dialler(0.9, ["a:1"]);
  for (let dials = 0; dials < 3; dials++) dial([], true);
  expect(dialled).toEqual(["a:1", "a:1", "a:1"]);
});
