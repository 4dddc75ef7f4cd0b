import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startWorld, type World } from "./harness.ts";

const BIN = fileURLToPath(new URL("../bin/millrace", import.meta.url));

describe("millrace run", () => {
  let world: World;
  beforeAll(async () => {
    world = await startWorld();
    await world.startAgent("local");
  });
  afterAll(async () => {
    await world.close();
  });

  const cli = (args: string[], onErr: (data: string) => void = () => undefined): Promise<{ code: number | null; out: string; err: string }> =>
    new Promise((resolve) => {
      const env = { PATH: process.env["PATH"], HOME: world.dir, MILLRACE_URL: `http://127.0.0.1:${world.httpPort}`, MILLRACE_TOKEN: world.credentials.token };
      const child = spawn(BIN, args, { env, cwd: world.dir, stdio: ["ignore", "pipe", "pipe"] });
      let [out, err] = ["", ""];
      child.stdout.on("data", (data: Buffer) => {
        out += data.toString();
      });
      child.stderr.on("data", (data: Buffer) => {
        err += data.toString();
        onErr(data.toString());
      });
      child.once("close", (code) => resolve({ code, out, err }));
    });

  test("a user's own file runs; its lines show at once, the result alone is on stdout", async () => {
    writeFileSync(join(world.dir, "my.py"), "import time\ndef main(n: int):\n    print('at', time.time())\n    time.sleep(1.5)\n    return {'n': n}\n");
    let delayMs = Number.POSITIVE_INFINITY;
    const { code, out } = await cli(["run", "my.py", "--args", '{"n": 3}', "--json"], (data) => {
      const at = /at (\d+\.\d+)/.exec(data);
      if (at !== null) delayMs = Date.now() - Number(at[1]) * 1000;
    });
    expect(code).toBe(0);
    expect(out).toBe('{"n":3}');
    expect(delayMs).toBeLessThan(300);
  });

  test("the exit code is the job's outcome", async () => {
    writeFileSync(join(world.dir, "bad.sh"), "exit 3\n");
    writeFileSync(join(world.dir, "slow.sh"), "sleep 60\n");
    expect((await cli(["run", "bad.sh"])).code).toBe(1);
    expect((await cli(["run", "slow.sh", "--timeout", "1s"])).code).toBe(1);
    expect((await cli(["run", "f/no/such"])).code).toBe(3);
    expect((await cli(["run", "bad.sh", "--no-such-option"])).code).toBe(2);
  });

  test("a folder is deployed, listed and run by path, and its log can be read again", async () => {
    const deployed = await cli(["deploy", fileURLToPath(new URL("../examples", import.meta.url)), "--prefix", "f/examples"]);
    expect(deployed.code).toBe(0);
    const ran = await cli(["run", "f/examples/stream_lines", "--arg", "name=test"]);
    expect(ran.code).toBe(0);
    const jobs = JSON.parse((await cli(["jobs", "--json", "--script", "f/examples/stream_lines"])).out) as { jobs: { id: string; status: string }[] };
    expect(jobs.jobs).toMatchObject([{ status: "succeeded" }]);
    const log = await cli(["logs", jobs.jobs[0]?.id ?? ""]);
    expect(log.out).toMatch(/line +15 of 15/);
  });
});
