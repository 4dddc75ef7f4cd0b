/**
 * Rules of the network, in network namespaces that this test makes: one is the machine of the agent, the other one the world. Nothing is changed
 * in the namespace of this machine, and no packet leaves it.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Network, type Requirements } from "../../../proto/gen/millrace/agent/v1/job.ts";
import { NETWORK_NAMESPACES } from "./namespaces.fixture.ts";

const METADATA = ["169.254.169.254", "fd00:ec2::254"];
const PUBLIC = ["203.0.113.5", "198.51.100.7", "2001:db8::5"];
const names = { agent: `mr-agent-${process.pid}`, world: `mr-world-${process.pid}` };
const dir = mkdtempSync(join(tmpdir(), "millrace-network-"));
const children: ChildProcess[] = [];

const ip = (...args: string[]): void => void execFileSync("ip", args, { stdio: ["ignore", "ignore", "inherit"] });
const inside = (name: string, ...argv: string[]): string[] => [`--net=/run/netns/${name}`, ...argv];

/** Answers on ports 80 and 8080 of all addresses, and prints each address that was asked. */
const WORLD = `
const { createServer } = require("node:net");
const serve = (port) => new Promise((done) => createServer((socket) => {
  console.log(JSON.stringify({ address: socket.localAddress.replace(/^::ffff:/, ""), port }));
  socket.on("error", () => {});
  socket.end("hello");
}).listen(port, "::", done));
Promise.all([serve(80), serve(8080), serve(53)]).then(() => console.log('"listening"'));
process.stdin.on("end", () => process.exit(0)).resume();
`;

interface Outcome {
  readonly exit: { readonly reason: string; readonly message: string };
  readonly stdout: string;
  readonly fast: number;
}

interface TestAgent {
  /** Says which of `host/port` a script reaches. */
  reached(targets: readonly string[], requirements?: Partial<Requirements>): Promise<string[]>;
  run(code: string, requirements?: Partial<Requirements>): Promise<Outcome>;
  readonly first: { readonly allowList: string };
  stop(): Promise<void>;
  kill(): Promise<void>;
}

const lines = (child: ChildProcess): (() => Promise<string>) => {
  if (child.stdout === null) throw new Error("no stdout");
  const iterator = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => (await iterator.next()).value ?? "null";
};

/** An agent in the namespace of the test, with a hosts file of its own. */
async function startAgent(
  network: "none" | "full",
  prepared: number,
  metadata: "block" | "open",
  options: { nft?: boolean; folder?: string } = {},
): Promise<TestAgent> {
  const own = options.folder ?? mkdtempSync(join(dir, "agent-"));
  const [hosts, resolver] = [join(own, "hosts"), join(own, "resolv.conf")];
  // Nobody answers there.
  writeFileSync(resolver, "nameserver 127.0.0.1\n");
  writeFileSync(hosts, "127.0.0.1 localhost\n203.0.113.5 db.test\n2001:db8::5 db.test\n");
  // In a mount namespace, so that hosts and nft change for this agent alone.
  const prelude = `mount --bind ${hosts} /etc/hosts; mount --bind ${resolver} /etc/resolv.conf; ${options.nft === false ? "mount --bind /bin/false /usr/sbin/nft;" : ""} exec "$@"`;
  const agent = [process.execPath, fileURLToPath(new URL("./network-agent.ts", import.meta.url)), own, network, String(prepared), metadata];
  const child = spawn("nsenter", inside(names.agent, "unshare", "-m", "sh", "-c", prelude, "sh", ...agent), { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  const next = lines(child);
  const first = JSON.parse(await next());
  const run = async (code: string, requirements?: Partial<Requirements>): Promise<Outcome> => {
    child.stdin?.write(`${JSON.stringify({ code, requirements })}\n`);
    return JSON.parse(await next());
  };
  const reached = async (targets: readonly string[], requirements?: Partial<Requirements>): Promise<string[]> => {
    const tries = targets.map((target) => `(timeout 2 bash -c '</dev/tcp/${target}' 2>/dev/null && echo ${target}) &`);
    const outcome = await run(`${tries.join("\n")}\nwait`, requirements);
    if (outcome.exit.reason !== "succeeded") throw new Error(JSON.stringify(outcome));
    return outcome.stdout
      .split("\n")
      .filter((line) => line !== "")
      .sort();
  };
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = (): Promise<void> => {
    child.stdin?.end();
    return ended;
  };
  const kill = (): Promise<void> => {
    child.kill("SIGKILL");
    return ended;
  };
  return { first, run, reached, stop, kill };
}

const rules = (): string => execFileSync("nsenter", inside(names.agent, "nft", "list", "ruleset"), { encoding: "utf8" });
const listed = (...allow: string[]): Partial<Requirements> => ({ network: Network.NETWORK_ALLOW_LIST, allow });
const all = [...METADATA, ...PUBLIC].map((address) => `${address}/80`).sort();
const open = PUBLIC.map((address) => `${address}/80`).sort();

describe.skipIf(!NETWORK_NAMESPACES || !existsSync("/usr/sbin/nft"))("the network of scripts", () => {
  beforeAll(async () => {
    for (const name of Object.values(names)) {
      ip("netns", "add", name);
      ip("-n", name, "link", "set", "lo", "up");
    }
    ip("-n", names.agent, "link", "add", "out", "type", "veth", "peer", "name", "in", "netns", names.world);
    const ends = [
      { name: names.agent, link: "out", four: "10.99.0.1/24", six: "fd99::1/64" },
      { name: names.world, link: "in", four: "10.99.0.2/24", six: "fd99::2/64" },
    ];
    for (const { name, link, four, six } of ends) {
      ip("-n", name, "addr", "add", four, "dev", link);
      ip("-n", name, "addr", "add", six, "dev", link, "nodad");
      ip("-n", name, "link", "set", link, "up");
    }
    for (const address of [...METADATA, ...PUBLIC]) ip("-n", names.world, "addr", "add", address, "dev", "lo", ...(address.includes(":") ? ["nodad"] : []));
    ip("-n", names.agent, "route", "add", "default", "via", "10.99.0.2");
    ip("-n", names.agent, "-6", "route", "add", "default", "via", "fd99::2");
    const world = spawn("nsenter", inside(names.world, process.execPath, "-e", WORLD), { stdio: ["pipe", "pipe", "inherit"] });
    children.push(world);
    expect(await lines(world)()).toBe('"listening"');
  });

  afterAll(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.stdin?.end();
      await ended;
    }
    for (const name of Object.values(names)) ip("netns", "del", name);
    rmSync(dir, { recursive: true, force: true });
  });

  it.each([0, 2])("S-44: full reaches the world and not the metadata service of a cloud (%i prepared)", async (prepared) => {
    const agent = await startAgent("full", prepared, "block");
    expect(await agent.reached(all)).toEqual(open);
    // Also under other names of the same address.
    expect(await agent.reached(["2852039166/80", "0xa9fea9fe/80", "::ffff:169.254.169.254/80"])).toEqual([]);
    const outcome = await agent.run("echo 1");
    expect(outcome.fast).toBe(prepared === 0 ? 0 : 3);
    expect(rules()).toMatch(/table inet millrace_[0-9a-f]{12} /);
    await agent.stop();
    expect(rules()).toBe("");
  });

  it("S-44: would reach it where the operator said so, and leaves the network's rules alone as long as nobody needs them", async () => {
    const agent = await startAgent("none", 0, "open");
    expect(await agent.reached(all)).toEqual([]);
    expect(await agent.reached(all, { network: Network.NETWORK_FULL })).toEqual(all);
    expect(rules()).toBe("");
    await agent.stop();
  });

  it("S-49: without a network nothing is reached and no name is resolved; with a list no name service is", async () => {
    const agent = await startAgent("full", 1, "block");
    const ask =
      "for to in 203.0.113.5 8.8.8.8 169.254.169.254; do (echo x > /dev/udp/$to/53) 2>/dev/null && echo sent $to; done; getent hosts exfiltrate.example || echo unknown";
    expect((await agent.run(ask, { network: Network.NETWORK_NONE })).stdout).toBe("unknown\n");
    expect(await agent.reached(["203.0.113.5/53", "203.0.113.5/8080"], listed("203.0.113.5:8080"))).toEqual(["203.0.113.5/8080"]);
    await agent.stop();
  });

  it("a list allows what it names by address, range, port and name, and nothing else", async () => {
    const agent = await startAgent("none", 1, "block");
    expect(agent.first.allowList).toBe("yes");
    const targets = [...all, ...PUBLIC.map((address) => `${address}/8080`), "db.test/8080", "10.99.0.2/80", "127.0.0.1/80"];
    expect(await agent.reached(targets, listed("203.0.113.5:80"))).toEqual(["203.0.113.5/80"]);
    // As whoever reloads the rules of the host does; ours are made again.
    execFileSync("nsenter", inside(names.agent, "nft", "flush", "ruleset"));
    expect(await agent.reached(targets, listed("198.51.100.0/24", "[2001:db8::5]:8080"))).toEqual(["198.51.100.7/80", "198.51.100.7/8080", "2001:db8::5/8080"]);
    expect(await agent.reached(targets, listed("db.test:8080"))).toEqual(["2001:db8::5/8080", "203.0.113.5/8080", "db.test/8080"]);
    // The operator's word counts more than the list.
    expect(await agent.reached(targets, listed("169.254.169.254", "fd00:ec2::/32", "10.99.0.2:80"))).toEqual(["10.99.0.2/80"]);
    // Nothing of a job's list is left for the next one.
    while (rules().includes("chain job_")) await new Promise((resolve) => setTimeout(resolve, 10));
    await agent.stop();
    expect(rules()).toBe("");
  });

  it("a list that cannot be kept or read, or a name without an address, is refused before anything runs", async () => {
    const without = await startAgent("full", 0, "block", { nft: false });
    expect(await without.run("echo ran", listed("203.0.113.5"))).toMatchObject({ exit: { reason: "sandbox_error" }, stdout: "" });
    // Without rules the rest works, and the agent says what is missing.
    expect(await without.reached(["203.0.113.5/80"])).toEqual(["203.0.113.5/80"]);
    await without.stop();
    const agent = await startAgent("none", 0, "block");
    const wrong = await agent.run("echo ran", listed("203.0.113.5 accept"));
    expect(wrong).toMatchObject({ exit: { reason: "sandbox_error", message: expect.stringContaining("is not a host") }, stdout: "" });
    const unknown = await agent.run("echo ran", listed("no-such-host.invalid"));
    expect(unknown).toMatchObject({ exit: { reason: "sandbox_error", message: expect.stringContaining("no-such-host.invalid") }, stdout: "" });
    await agent.stop();
  });

  it("S-51: a job cannot listen for another one", async () => {
    const agent = await startAgent("none", 0, "block");
    const code =
      "(timeout 2 bash -c 'exec 3<>/dev/tcp/127.0.0.1/80' 2>/dev/null && echo connected) || true; ls /proc/net/unix >/dev/null && wc -l < /proc/net/unix";
    expect((await agent.run(code)).stdout).toBe("1\n");
    await agent.stop();
  });

  it("rules of an agent that was killed are removed by the next one", async () => {
    const folder = mkdtempSync(join(dir, "agent-"));
    const agent = await startAgent("full", 0, "block", { folder });
    await agent.kill();
    expect(rules()).toContain("table inet millrace_");
    const next = await startAgent("none", 0, "block", { folder });
    expect(rules()).toBe("");
    await next.stop();
  });
});
