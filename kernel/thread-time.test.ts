import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { usedByThreadMs, watchThread } from "./thread-time.ts";

let worker: Worker | undefined;
afterEach(() => worker?.terminate());

async function run(code: string): Promise<Worker> {
  worker = new Worker(`require("node:worker_threads").parentPort.postMessage(""); ${code}`, { eval: true });
  await once(worker, "message");
  return worker;
}
const over = (thread: Worker, cpuMs: number, wallMs: number): Promise<string> => new Promise((resolve) => void watchThread(thread, { cpuMs, wallMs }, resolve));

test.each([
  ["a loop", "for (;;) {}"],
  ["one long call", "/^(a+)+$/.test('a'.repeat(40) + 'b')"],
])("a thread that is in %s is over when it has used its processor time", async (_what, code) => {
  const thread = await run(code);
  const before = (await usedByThreadMs(thread)) ?? Number.NaN;
  expect(await over(thread, 60, 600_000)).toBe("spent");
  expect((await usedByThreadMs(thread)) ?? Number.NaN).toBeGreaterThanOrEqual(before + 50);
});

test("one that gets no processor is given up after the wall time, and is not said to have used it", async () => {
  const thread = await run("Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)");
  expect(await over(thread, 600_000, 60)).toBe("starved");
});

test("nothing is said after the watch has ended, and of a thread that is gone nothing is known", async () => {
  const thread = await run("for (;;) {}");
  const said: string[] = [];
  watchThread(thread, { cpuMs: 1, wallMs: 600_000 }, (how) => said.push(how))();
  expect(await over(thread, 60, 600_000)).toBe("spent");
  expect(said).toEqual([]);
  await thread.terminate();
  expect(await usedByThreadMs(thread)).toBeUndefined();
});
