import { afterAll, beforeAll, expect, test } from "vitest";
import { LOG_FORMAT } from "../core/log-format.ts";
import { FlowBench, step } from "./testing/flow-bench.ts";

let bench: FlowBench;

beforeAll(async () => {
  bench = await FlowBench.open();
}, 60_000);
afterAll(() => bench.close());

test("a run on which a newer release has worked is left as it is, with what its steps report, until a newer one owns it again", async () => {
  bench.script = (_args, id) => (id === "z" ? 1 : undefined);
  const flow = await bench.start({ modules: [step("a"), step("z")] });
  await bench.until("a runs", () => bench.bundles.has("a"));
  const [row] = await bench.owner.rows<{ seq: number; events: string }>("SELECT seq, events FROM flow_event WHERE id = $1", flow);
  const write = (events: string) => () => bench.owner.rows("UPDATE flow_event SET events = $2 WHERE id = $1 AND seq = $3", flow, events, row?.seq);
  const ours = row?.events ?? "";
  expect(JSON.parse(ours)[0]).toMatchObject({ kind: "flow_started", format: LOG_FORMAT });
  const newer = [ours.replace(`"format":${LOG_FORMAT}`, `"format":${LOG_FORMAT + 1}`), ours.replace("]", ',{"kind":"teleported","place":"a","atMs":1}]')];
  for (const events of newer) {
    await bench.owner.restart(write(events));
    bench.owner.attach();
    const other = await bench.start({ modules: [step("z")] });
    expect(await bench.ended(other)).toMatchObject({ outcome: "succeeded" });
  }
  const reported = bench.finish("a", 7);
  const later = await bench.start({ modules: [step("z")] });
  expect(await bench.ended(later)).toMatchObject({ outcome: "succeeded" });
  expect(await bench.owner.rows("SELECT 1 FROM job_done WHERE id = $1", flow)).toEqual([]);
  expect(await bench.owner.rows("SELECT 1 FROM job_running WHERE language = 'flow'")).toHaveLength(1);
  // The release that knows it.
  await bench.owner.restart(write(ours));
  bench.owner.attach();
  expect(await bench.ended(flow)).toMatchObject({ outcome: "succeeded", result: 1 });
  await reported;
  expect(bench.started.filter((place) => place === "a")).toEqual(["a"]);
});
