import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../loadtests/world/processes.ts";

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
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
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
