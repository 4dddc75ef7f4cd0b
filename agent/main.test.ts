import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ExitReason } from "../proto/gen/millrace/agent/v1/job.ts";
import { bundleOf, ScriptedPlane } from "./session/testing/scripted-plane.ts";

let plane = new ScriptedPlane();
let dataDir = "";
let children: ChildProcess[] = [];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), "millrace-main-"));
  plane = new ScriptedPlane();
  await plane.start();
});

afterEach(async () => {
  for (const child of children) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
  children = [];
  plane.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

function spawnAgent(env: Record<string, string> = {}): { child: ChildProcess; exit: Promise<unknown[]>; stderr: () => string } {
  const child = spawn(process.execPath, [new URL("./main.ts", import.meta.url).pathname], {
    env: {
      PATH: process.env["PATH"] ?? "",
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? "",
      MILLRACE_GRPC_ADDRESS: plane.address,
      MILLRACE_AGENT_TOKEN: "secret",
      MILLRACE_AGENT_DATA_DIR: dataDir,
      MILLRACE_AGENT_SANDBOX: "off",
      MILLRACE_AGENT_RUNTIMES: "noop",
      MILLRACE_AGENT_LANGUAGES: "bash",
      ...env,
    },
    stdio: ["ignore", "inherit", "pipe"],
  });
  children.push(child);
  let text = "";
  child.stderr?.on("data", (data) => (text += String(data)));
  return { child, exit: once(child, "close"), stderr: () => text };
}

test("the agent runs a real script, hands its result in and drains on SIGTERM with exit code 0", async () => {
  const { child, exit, stderr } = spawnAgent();
  const session = await plane.session(0);
  expect(session.hello?.runtimes.map((runtime) => runtime.language)).toEqual(["bash", "noop"]);
  session.send({ assign: [bundleOf({ code: "echo out; echo err >&2; env | grep -c MILLRACE_AGENT_TOKEN || true; echo done" })] });
  await session.until(() => session.finished.length === 1);
  expect(session.finished[0]?.exit?.reason).toBe(ExitReason.EXIT_REASON_SUCCEEDED);
  const output = Buffer.concat(session.chunks.map((chunk) => chunk.data)).toString();
  // Lines of the two pipes may be read in any order.
  expect(output.split("\n").sort()).toEqual(["", "0", "done", "err", "out"]);
  expect(session.started).toHaveLength(1);
  child.kill("SIGTERM");
  expect(await exit).toEqual([0, null]);
  const events = stderr()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(["agent.ready", "agent.connected", "attempt.started", "attempt.finished", "agent.stopping", "agent.draining", "agent.stopped"]);
}, 20_000);

test("a second signal ends the process at once", async () => {
  const { child, exit } = spawnAgent();
  const session = await plane.session(0);
  session.send({ assign: [bundleOf({ code: "sleep 60" })] });
  await session.until(() => session.started.length === 1);
  child.kill("SIGTERM");
  await session.until(() => session.capacity.length === 1);
  // Signals that come together are one wish: this one counts once it comes later than that.
  const again = setInterval(() => child.kill("SIGINT"), 50);
  expect(await exit).toEqual([130, null]);
  clearInterval(again);
}, 20_000);

test("a refused agent exits with a code and the server's message", async () => {
  plane.habits.refuse = { code: status.PERMISSION_DENIED, message: "this workspace is closed" };
  const { exit, stderr } = spawnAgent();
  expect(await exit).toEqual([1, null]);
  expect(stderr()).toContain("this workspace is closed");
}, 20_000);

test("wrong settings are named, all of them", async () => {
  const { exit, stderr } = spawnAgent({ MILLRACE_AGENT_SLOTS: "none", MILLRACE_AGENT_SLOT: "4" });
  expect(await exit).toEqual([1, null]);
  expect(stderr()).toContain("MILLRACE_AGENT_SLOTS: must be a whole number");
  expect(stderr()).toContain("MILLRACE_AGENT_SLOT: there is no such setting");
}, 20_000);
