import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SCRIPTS, startWorld, until, untilEnded, type World } from "./harness.ts";

/** The CLI as people type it, most of it on a real pseudo-terminal, made by `script` of util-linux: what a person sees and presses. */
const BIN = fileURLToPath(new URL("../bin/millrace", import.meta.url));

let world: World;
beforeAll(async () => {
  world = await startWorld();
  writeFileSync(join(world.dir, "slow.sh"), "echo begun; sleep 60\n");
  writeFileSync(join(world.dir, "bad.sh"), "exit 3\n");
  writeFileSync(join(world.dir, "rude.sh"), "printf 'a\\033]0;owned\\007b\\033[2Jc\\n'; echo '{\"ok\": true}'\n");
});
afterAll(async () => {
  await world.close();
});

interface Terminal {
  readonly child: ChildProcess;
  screen(): string;
  press(keys: string): void;
  readonly exit: Promise<number | null>;
}

const settings = (): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  HOME: world.dir,
  NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
  MILLRACE_URL: `http://127.0.0.1:${world.httpPort}`,
  MILLRACE_TOKEN: world.credentials.token,
});

function terminal(command: string, extra: NodeJS.ProcessEnv = {}): Terminal {
  const env = { ...settings(), TERM: "xterm-256color", ...extra };
  const child = spawn("script", ["--quiet", "--return", "--flush", "--command", `${BIN} ${command}`, "/dev/null"], { env, cwd: world.dir });
  let text = "";
  child.stdout.on("data", (data: Buffer) => {
    text += data.toString();
  });
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { child, screen: () => text, press: (keys) => void child.stdin.write(keys), exit };
}

/** Runs a command without a terminal. */
const cli = (...args: string[]): Promise<{ code: number | null; out: string; err: string }> =>
  new Promise((resolve) => {
    const child = spawn(BIN, args, { env: settings(), cwd: world.dir, stdio: ["ignore", "pipe", "pipe"] });
    let [out, err] = ["", ""];
    child.stdout.on("data", (data: Buffer) => {
      out += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => {
      err += data.toString();
    });
    child.once("close", (code) => resolve({ code, out, err }));
  });

/** Without colours and the drawing of the spinner. */
const plain = (text: string): string => stripVTControlCharacters(text);

test("a job without an agent says why it waits, on a line that is redrawn; a second Ctrl-C cancels it", async () => {
  const shown = terminal("run slow.sh");
  await until("the reason is shown", async () => plain(shown.screen()).includes("no agent with tag default is connected"));
  await until("it is redrawn", async () => shown.screen().split("\r\u001b[2K").length > 3);
  const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(plain(shown.screen()))?.[0] ?? "";
  shown.press("\u0003");
  await until("it says what the key did", async () => plain(shown.screen()).includes("Press Ctrl-C again"));
  shown.press("\u0003");
  expect(await shown.exit).toBe(130);
  expect(await untilEnded(world, id)).toMatchObject({ status: "cancelled" });
});

test("what a job prints cannot drive the terminal, and its own lines stay", async () => {
  await world.startAgent("local", SCRIPTS);
  const shown = terminal("run rude.sh");
  expect(await shown.exit).toBe(0);
  expect(shown.screen()).not.toContain("\u001b]0;");
  expect(shown.screen()).not.toContain("\u001b[2J");
  expect(plain(shown.screen())).toMatch(/a.*b.*c/);
  expect(plain(shown.screen())).toContain('"ok": true');
});

test("colours come with a terminal and go with NO_COLOR", async () => {
  const [withColour, without] = [terminal("jobs"), terminal("jobs", { NO_COLOR: "1" })];
  expect([await withColour.exit, await without.exit]).toEqual([0, 0]);
  expect(withColour.screen()).toContain("\u001b[3");
  expect(without.screen()).not.toContain("\u001b[3");
});

test("the exit code is the job's outcome", async () => {
  const ended = await Promise.all([
    cli("run", "bad.sh"),
    cli("run", "slow.sh", "--timeout", "1s"),
    cli("run", "f/no/such"),
    cli("run", "bad.sh", "--no-such-option"),
  ]);
  expect(
    ended.map(({ code }) => code),
    JSON.stringify(ended),
  ).toEqual([1, 1, 3, 2]);
});

test("a folder is deployed, listed and run by path, and its log can be read again", async () => {
  const deployed = await cli("deploy", fileURLToPath(new URL("../examples", import.meta.url)), "--prefix", "f/examples");
  expect(deployed.code, deployed.err).toBe(0);
  const ran = await cli("run", "f/examples/stream_lines", "--arg", "name=test");
  expect(ran.code, ran.err).toBe(0);
  const jobs = JSON.parse((await cli("jobs", "--json", "--script", "f/examples/stream_lines")).out) as { jobs: { id: string; status: string }[] };
  expect(jobs.jobs).toMatchObject([{ status: "succeeded" }]);
  const log = await cli("logs", jobs.jobs[0]?.id ?? "");
  expect(log.out).toMatch(/line +15 of 15/);
});
