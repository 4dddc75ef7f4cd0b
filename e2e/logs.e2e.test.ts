import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IN_TURN, openWorld, type Process, run, SCRIPTS, startWorld, until, untilEnded, type World } from "./harness.ts";
import { follow, lines } from "./log-reading.ts";

/** Resident memory of a process, MB. */
function rssMb(process: Process): number {
  const status = readFileSync(`/proc/${process.child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
}

describe.concurrent("logs", () => {
  let world: World;
  let agent: Process;
  beforeAll(async () => {
    world = await startWorld();
    agent = await world.startAgent("printer", SCRIPTS);
  });
  afterAll(() => world.close());

  test("a reader that comes back with the last id goes on without a gap and without a repetition", IN_TURN, async () => {
    const { id } = await run(world, { code: { language: "bash", content: 'for i in $(seq 1 60); do echo "out $i"; echo "err $i" >&2; sleep 0.02; done' } });
    let text = "";
    let lastId: string | undefined;
    for (let round = 0; ; round++) {
      const part = await follow(world, id, lastId, 3);
      text += part.text;
      lastId = part.lastId;
      if (part.ended) break;
      expect(round).toBeLessThan(200);
    }
    const all = text.split("\n").filter((line) => line !== "");
    expect(all.filter((line) => line.startsWith("out"))).toEqual(Array.from({ length: 60 }, (_, at) => `out ${at + 1}`));
    expect(all.filter((line) => line.startsWith("err"))).toEqual(Array.from({ length: 60 }, (_, at) => `err ${at + 1}`));
  });

  test("binary and ANSI output passes through byte for byte in the plain log", IN_TURN, async () => {
    const { id } = await run(world, { code: { language: "bash", content: "printf '\\033[31mred\\033[0m\\n'; printf '\\xff\\xfe\\x00\\x01\\n'" } }, 10);
    const response = await fetch(`http://127.0.0.1:${world.httpPort}/api/v1/w/main/jobs/${id}/logs`, {
      headers: { authorization: `Bearer ${world.credentials.token}` },
    });
    expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.concat([Buffer.from("\u001b[31mred\u001b[0m\n"), Buffer.from([0xff, 0xfe, 0, 1, 0x0a])]));
  });

  test("logs survive kill -9 of the control plane in the middle: nothing is missing, nothing comes twice", IN_TURN, async () => {
    const { id } = await run(world, {
      code: {
        language: "python3",
        content: "import time\ndef main():\n    for i in range(200_000):\n        print('row', i)\n        if i % 10000 == 0: time.sleep(0.1)",
      },
    });
    await until("it prints", async () => (await lines(world, id)).length > 20_000);
    await world.server.kill("SIGKILL");
    await world.startServer();
    expect((await untilEnded(world, id, 60_000)).status).toBe("succeeded");
    await until("all output is there", async () => (await lines(world, id)).length === 200_001);
    expect((await lines(world, id)).findIndex((line, at) => at < 200_000 && line !== `row ${at}`)).toBe(-1);
  });

  test("1,000,000 lines arrive complete and in order, by reading and by following; memory stays bounded", IN_TURN, async () => {
    const before = { agent: rssMb(agent), server: rssMb(world.server) };
    const peak = { ...before };
    const { id } = await run(world, {
      code: { language: "python3", content: "def main():\n    for i in range(1_000_000):\n        print('line', i, 'of a job that has a lot to say')" },
    });
    const followed = follow(world, id);
    const watch = setInterval(() => {
      peak.agent = Math.max(peak.agent, rssMb(agent));
      peak.server = Math.max(peak.server, rssMb(world.server));
    }, 50);
    const ended = await untilEnded(world, id, 150_000);
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
});

describe.concurrent("too much output", () => {
  test("output beyond the limit is counted and dropped with a visible note; the job goes on", async (context) => {
    const world = await openWorld(context, { env: { MILLRACE_LOG_MAX_BYTES: String(4 * 1024 * 1024) } });
    const agent = await world.startAgent("printer");
    const before = rssMb(agent);
    const { id } = await run(world, { code: { language: "bash", content: "head -c 1000000000 /dev/zero | tr '\\0' 'x'; echo; echo '\"through\"'" } });
    const ended = await untilEnded(world, id, 150_000);
    expect(ended).toMatchObject({ status: "succeeded", exit: { reason: "succeeded" } });
    expect(ended.log_dropped_bytes).toBeGreaterThan(990_000_000);
    const { body } = await world.api<string>("GET", `/jobs/${id}/logs`);
    expect(body.length).toBeLessThan(4.2 * 1024 * 1024);
    expect(body.slice(-300)).toMatch(/dropped/);
    expect((await world.api("GET", `/jobs/${id}/result`)).body).toBe("through");
    expect(rssMb(agent) - before).toBeLessThan(250);
  });
});
