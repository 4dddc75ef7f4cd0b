import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { job, type Process, run, startWorld, untilEnded, type World } from "./harness.ts";
import { follow, lines } from "./log-reading.ts";

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

/** Resident memory of a process, MB. */
function rssMb(process: Process): number {
  const status = readFileSync(`/proc/${process.child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

describe("logs", () => {
  test("1,000,000 lines arrive complete and in order, by reading and by following; memory stays bounded", async () => {
    world = await startWorld();
    const agent = await world.startAgent("printer");
    const before = { agent: rssMb(agent), server: rssMb(world.server) };
    const peak = { ...before };
    const { id } = await run(world, {
      code: { language: "python3", content: "def main():\n    for i in range(1_000_000):\n        print('line', i, 'of a job that has a lot to say')" },
    });
    const followed = follow(world, id);
    const watch = setInterval(() => {
      peak.agent = Math.max(peak.agent, rssMb(agent));
      peak.server = Math.max(peak.server, rssMb((world as World).server));
    }, 50);
    const ended = await untilEnded(world, id, 90_000);
    const live = await followed;
    clearInterval(watch);
    expect(ended.status).toBe("succeeded");
    const expected = Array.from({ length: 1_000_000 }, (_, at) => `line ${at} of a job that has a lot to say`);
    const read = await lines(world, id);
    expect(read.pop()).toBe("");
    expect(read.length).toBe(1_000_000);
    expect(read.findIndex((line, at) => line !== expected[at])).toBe(-1);
    expect(live.ended).toBe(true);
    expect(live.text === `${expected.join("\n")}\n`).toBe(true);
    console.info(
      `memory, MB: agent ${Math.round(before.agent)} → peak ${Math.round(peak.agent)}; control plane ${Math.round(before.server)} → peak ${Math.round(peak.server)}`,
    );
    expect(peak.agent - before.agent).toBeLessThan(300);
    expect(peak.server - before.server).toBeLessThan(400);
  });

  test("a printed line can be read while the job still runs, within 300 ms", async () => {
    world = await startWorld();
    await world.startAgent("printer");
    await run(world, { code: { language: "bash", content: "true" } }, 10);
    const { id } = await run(world, { code: { language: "bash", content: "echo $EPOCHREALTIME; sleep 5" } });
    const { text } = await follow(world, id, undefined, 1);
    const delayMs = Date.now() - Number(text.trim().replace(",", ".")) * 1000;
    expect(delayMs).toBeLessThan(300);
    expect((await job(world, id)).status).toBe("running");
    await world.api("POST", `/jobs/${id}/cancel`, {});
    expect((await untilEnded(world, id)).status).toBe("cancelled");
  });

  test("output beyond the limit is counted and dropped with a visible note; the job goes on", async () => {
    world = await startWorld({ env: { MILLRACE_LOG_MAX_BYTES: String(4 * 1024 * 1024) } });
    const agent = await world.startAgent("printer");
    const before = rssMb(agent);
    const { id } = await run(world, { code: { language: "bash", content: "head -c 1000000000 /dev/zero | tr '\\0' 'x'; echo; echo '\"through\"'" } });
    const ended = await untilEnded(world, id, 90_000);
    expect(ended).toMatchObject({ status: "succeeded", exit: { reason: "succeeded" } });
    expect(ended.log_dropped_bytes).toBeGreaterThan(990_000_000);
    const { body } = await world.api<string>("GET", `/jobs/${id}/logs`);
    expect(body.length).toBeLessThan(4.2 * 1024 * 1024);
    expect(body.slice(-300)).toMatch(/dropped/);
    expect((await world.api("GET", `/jobs/${id}/result`)).body).toBe("through");
    expect(rssMb(agent) - before).toBeLessThan(250);
  });
});
