import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../loadtests/world/processes.ts";
import { startWorld, type World } from "./harness.ts";

const BIN = fileURLToPath(new URL("../bin/millrace", import.meta.url));

describe("millrace start --once", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "millrace-start-"));
    chmodSync(dir, 0o755);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  test("boots everything, runs the examples with live logs and exits 0; a second start keeps data and tokens", async () => {
    const env = {
      PATH: process.env["PATH"],
      HOME: dir,
      MILLRACE_STATE_DIR: join(dir, "state"),
      MILLRACE_HTTP_PORT: String(await freePort()),
      MILLRACE_GRPC_PORT: String(await freePort()),
    };
    const once = (): { status: number | null; said: string } => {
      const { status, stdout, stderr } = spawnSync(BIN, ["start", "--once"], { env, encoding: "utf8", timeout: 120_000 });
      return { status, said: stdout + stderr };
    };
    const first = once();
    expect(first.said).toMatch(/line +15 of 15/);
    expect(first.said).toMatch(/rejected \d+ of [\d,]+ rows/);
    for (const example of ["clean_packages", "count_priorities", "join_results", "stream_lines"])
      expect(first.said).toMatch(new RegExp(`${example} +\\w+ +succeeded`));
    expect(first.status).toBe(0);
    const second = once();
    expect(second.said).toMatch(/\(0 new\)/);
    expect(second.status).toBe(0);
  });
});

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
    const deployed = await cli(["deploy", fileURLToPath(new URL("../examples", import.meta.url)), "--prefix", "f/again"]);
    expect(deployed.code).toBe(0);
    const ran = await cli(["run", "f/again/stream_lines", "--arg", "name=test"]);
    expect(ran.code).toBe(0);
    const jobs = JSON.parse((await cli(["jobs", "--json", "--script", "f/again/stream_lines"])).out) as { jobs: { id: string; status: string }[] };
    expect(jobs.jobs).toMatchObject([{ status: "succeeded" }]);
    const log = await cli(["logs", jobs.jobs[0]?.id ?? ""]);
    expect(log.out).toMatch(/line +15 of 15/);
  });
});
