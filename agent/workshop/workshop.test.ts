import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { isRunning, openTestExecution } from "../runner/attempt-harness.ts";
import { tar } from "./local-registry.ts";
import type { Artifact, BuildFailure } from "./workshop.ts";
import { openSession, openTestWorkshop, shellSpec, shellStep } from "./workshop-harness.ts";

function made(outcome: Artifact | BuildFailure): Artifact {
  if (outcome.kind === "failed") throw new Error(`the build failed: ${outcome.output}`);
  return outcome;
}

const sandboxed = await openTestWorkshop("required");
const plain = await openTestWorkshop("off");
afterAll(() => {
  sandboxed.dispose();
  plain.dispose();
});

describe.each([
  ["in a sandbox", sandboxed],
  ["without a sandbox", plain],
] as const)("a build %s", (_name, { workshop, dir }) => {
  it("makes an artifact, tells the log, and is not repeated", async () => {
    const script = 'echo "building in $OUT"; mkdir "$OUT/bin"; echo hi > "$OUT/bin/tool"; chmod 755 "$OUT/bin/tool"; ln -s bin/tool "$OUT/link"';
    const first = openSession(workshop);
    const artifact = made(await first.artifact(shellSpec(script)));
    expect(artifact.fromCache).toBe(false);
    expect(readFileSync(join(artifact.dir, "link"), "utf8")).toBe("hi\n");
    expect(first.log()).toContain("building in /out\n");
    const builds = workshop.stats().builds;
    const second = openSession(workshop);
    const again = made(await second.artifact(shellSpec(script)));
    expect([again.fromCache, again.dir, workshop.stats().builds, second.log()]).toEqual([true, artifact.dir, builds, ""]);
  });

  it("leaves a tree that belongs to the agent and that nobody may write", async () => {
    const { dir: tree } = made(await openSession(workshop).artifact(shellSpec('mkdir "$OUT/d"; echo x > "$OUT/d/f"; chmod 777 "$OUT/d" "$OUT/d/f"')));
    for (const [path, mode] of [
      ["", 0o555],
      ["d", 0o555],
      ["d/f", 0o555],
    ] as const) {
      const stat = lstatSync(join(tree, path));
      expect([path, stat.mode & 0o7777, stat.uid]).toEqual([path, mode, process.getuid?.()]);
    }
  });

  it("fails with the end of what it said, and is tried anew", async () => {
    const spec = shellSpec("echo one; echo two >&2; exit 3");
    const builds = workshop.stats().builds;
    for (let round = 1; round <= 2; round++) {
      expect(await openSession(workshop).artifact(spec)).toEqual({ kind: "failed", output: expect.stringMatching(/one\n(?:.|\n)*two\n/), code: 3 });
    }
    expect(workshop.stats().builds).toBe(builds + 2);
  });

  it("is shared by all who want the same at the same time", async () => {
    const builds = workshop.stats().builds;
    const spec = shellSpec('echo begun; read -r line < "$OUT/../gate"; echo done > "$OUT/f"', {
      argv: ["/bin/sh", "-c", 'echo begun; sleep 0.3; echo $$ > "$OUT/f"'],
    });
    const sessions = [openSession(workshop), openSession(workshop), openSession(workshop)];
    const outcomes = await Promise.all(sessions.map((session) => session.artifact(spec)));
    expect(new Set(outcomes.map((outcome) => made(outcome).dir)).size).toBe(1);
    expect(workshop.stats().builds).toBe(builds + 1);
  });

  it("goes on for the others when one gives up, and ends with the last", async () => {
    // No other process of this machine sleeps as long.
    const marker = `3600.${process.pid}${dir === plain.dir ? 1 : 2}`;
    const spec = shellSpec(`# ${marker}`, { argv: ["/bin/sh", "-c", `echo begun; sleep ${marker}`] });
    const [one, two] = [openSession(workshop), openSession(workshop)];
    const outcomes = [one, two].map((session) => session.artifact(spec).catch((error: { code?: string }) => error.code));
    await two.saw("begun");
    one.abort();
    expect(await outcomes[0]).toBe("cancelled");
    await expect.poll(() => isRunning("sleep", marker)).toBe(true);
    two.abort();
    expect(await outcomes[1]).toBe("cancelled");
    await expect.poll(() => isRunning("sleep", marker)).toBe(false);
    await expect.poll(() => readdirSync(join(dir, "staging"))).toEqual([]);
  });

  it("ends when its time is up, and says so", async () => {
    const outcome = await openSession(workshop).artifact(shellSpec("echo slow; sleep 40", { timeoutMs: 1_000 }));
    expect(outcome).toEqual({ kind: "failed", code: 124, output: expect.stringContaining("millrace: the build took longer than 1 s\n") });
  });

  it("keeps what a command prints, and asks again only after a while", async () => {
    const builds = workshop.stats().builds;
    const step = shellStep("echo out; echo err >&2; exit 0");
    const session = openSession(workshop);
    expect(await session.command(step, { rememberMs: 60_000 })).toMatchObject({ code: 0, stdout: "out\n", stderr: expect.stringContaining("err\n") });
    await session.command(step, { rememberMs: 60_000 });
    expect(workshop.stats().builds).toBe(builds + 1);
    await session.command(step);
    await openSession(workshop, "other").command(step, { rememberMs: 60_000 });
    expect(workshop.stats().builds).toBe(builds + 3);
    expect(session.log()).toContain("err\n");
    expect(session.log()).not.toContain("out\n");
  });

  it("does not keep more than 4 MiB of what a command prints", async () => {
    const outcome = await openSession(workshop).command(shellStep("while :; do echo 0123456789abcdef0123456789abcdef; done"));
    expect(outcome).toMatchObject({ code: 125, stderr: expect.stringContaining("printed too much") });
  });
});

it("says once that builds are not isolated", async () => {
  const workshop = await plain.reopen();
  const session = openSession(workshop);
  await session.artifact(shellSpec("echo a; echo 1 > $OUT/a"));
  await session.artifact(shellSpec("echo b; echo 1 > $OUT/b"));
  expect(session.log().match(/no sandbox/g)).toHaveLength(1);
});

/** A path to its end would have six thousand characters. */
const DEEP = `cd "$OUT" && perl -e 'for (1..60) { mkdir "d" x 100; chdir "d" x 100 or die }'`;

describe("what a build may leave behind", () => {
  const refused = async (script: string): Promise<string> => {
    const outcome = await openSession(sandboxed.workshop).artifact(shellSpec(script));
    return outcome.kind === "failed" ? outcome.output : "accepted";
  };

  it.each([
    ["a set-uid file", 'echo x > "$OUT/f"; chmod 4755 "$OUT/f"', "is set-uid"],
    ["an absolute link", 'ln -s /etc/passwd "$OUT/f"', "leads out"],
    ["a link that goes up too far", 'mkdir "$OUT/d"; ln -s ../../x "$OUT/d/f"', "leads out"],
    ["a link that goes up from behind another link", 'mkdir -p "$OUT/a/b" "$OUT/s"; ln -s ../../s "$OUT/a/b/l"; ln -s a/b/l/../../x "$OUT/m"', "leads out"],
    ["a pipe", 'mkfifo "$OUT/f"', "neither file nor folder"],
    ["a folder that no path reaches", DEEP, "nested too deeply"],
    ["a name that is not text", 'echo x > "$OUT/$(printf "a\\377b")"', "not UTF-8"],
  ])("is not %s", async (_name, script, message) => {
    expect(await refused(script)).toContain(message);
  });

  it("is gone when it is refused, however deep it lies", async () => {
    expect(await refused(`${DEEP} && exit 1`)).not.toBe("accepted");
    expect(readdirSync(join(sandboxed.dir, "staging"))).toEqual([]);
  });

  it("is gone at the next start when the agent was killed, however deep it lies", async () => {
    const left = join(sandboxed.dir, "staging", "killed");
    mkdirSync(left);
    execFileSync("/bin/sh", ["-c", DEEP], { env: { OUT: left } });
    await sandboxed.reopen();
    expect(readdirSync(join(sandboxed.dir, "staging"))).toEqual([]);
  });

  it("may be files with two names, and links that stay inside", async () => {
    expect(await refused('mkdir "$OUT/d"; echo x > "$OUT/f"; ln "$OUT/f" "$OUT/d/g"; ln -s ../f "$OUT/d/h"; ln -s d "$OUT/e"')).toBe("accepted");
  });
});

describe("the cache", () => {
  const file = (name: string, kib: number) => shellSpec(`head -c ${kib * 1024} /dev/zero > "$OUT/${name}"`);

  it("belongs to one workspace", async () => {
    const one = made(await openSession(sandboxed.workshop, "acme").artifact(file("own", 1)));
    const two = made(await openSession(sandboxed.workshop, "rival").artifact(file("own", 1)));
    expect([two.fromCache, two.dir === one.dir]).toEqual([false, false]);
  });

  it("outlives the agent, and loses only what was half-done", async () => {
    const before = made(await openSession(sandboxed.workshop).artifact(file("lasting", 1)));
    mkdirSync(join(sandboxed.dir, "staging", "half", "out"), { recursive: true });
    const half = join(sandboxed.dir, "cache", "acme", "shell-1", "f".repeat(64));
    mkdirSync(join(half, "tree"), { recursive: true });
    const workshop = await sandboxed.reopen();
    const after = made(await openSession(workshop).artifact(file("lasting", 1)));
    expect([after.fromCache, after.dir]).toEqual([true, before.dir]);
    expect([readdirSync(join(sandboxed.dir, "staging")), existsSync(half)]).toEqual([[], false]);
  });

  it("lets the least recently used go when it is over its limit, but never what an attempt holds", async () => {
    const world = await openTestWorkshop("required", { cacheMaxBytes: 250 * 1024 });
    try {
      const { workshop } = world;
      const holder = openSession(workshop);
      const held = made(await holder.artifact(file("a", 100)));
      const use = async (name: string): Promise<string> => {
        const session = openSession(workshop);
        const { dir } = made(await session.artifact(file(name, 100)));
        session.release();
        return dir;
      };
      const second = await use("b");
      const third = await use("c");
      await workshop.settled();
      expect([held.dir, second, third].map((dir) => existsSync(dir))).toEqual([true, false, true]);
      holder.release();
      await use("a");
      await use("d");
      await workshop.settled();
      expect([held.dir, third].map((dir) => existsSync(dir))).toEqual([true, false]);
      expect(workshop.stats().cacheBytes).toBe(200 * 1024);
    } finally {
      world.dispose();
    }
  });
});

describe("attacks on the workshop", () => {
  it("S-62: a build sees neither the agent's environment nor, without network, that of builds", async () => {
    process.env["MILLRACE_CANARY"] = "canary-62";
    try {
      const workshop = await sandboxed.reopen({ buildEnv: new Map([["REGISTRY_PASSWORD", "canary-env"]]) });
      const step = shellStep("env; tr '\\0' '\\n' < /proc/1/environ; cat /proc/*/environ 2>/dev/null; echo end");
      const offline = await openSession(workshop).command(step);
      expect(offline).toMatchObject({ code: 0, stdout: expect.stringContaining("end") });
      expect(offline.stdout).not.toContain("canary");
      const online = await openSession(workshop).command({ ...step, network: true });
      expect(online.stdout).toContain("canary-env");
      expect(online.stdout).not.toContain("canary-62");
    } finally {
      delete process.env["MILLRACE_CANARY"];
    }
  });

  it("S-63, S-65: a build finds neither the cache of another workspace nor its own", async () => {
    const victim = made(await openSession(sandboxed.workshop, "victim").artifact(shellSpec('echo good > "$OUT/lib"')));
    const step = shellStep(`echo evil > ${victim.dir}/lib; ls -d ${sandboxed.dir} /job/../cache ${victim.dir}; echo end`);
    const outcome = await openSession(sandboxed.workshop).command(step);
    expect(outcome.stdout).toBe("end\n");
    expect(readFileSync(join(victim.dir, "lib"), "utf8")).toBe("good\n");
  });

  it("S-65: what is mounted from the cache cannot be changed", async () => {
    const { dir } = made(await openSession(sandboxed.workshop).artifact(shellSpec('echo good > "$OUT/lib"; mkdir "$OUT/d"')));
    const mounts = [{ source: dir, target: "/deps" }];
    const step = shellStep("chmod 777 /deps /deps/lib; echo evil > /deps/lib; echo x > /deps/new; echo x > /deps/d/new; rm /deps/lib; cat /deps/lib", {
      mounts,
    });
    const outcome = await openSession(sandboxed.workshop).command(step);
    expect(outcome.stdout).toBe("good\n");
    expect(readdirSync(dir).sort()).toEqual(["d", "lib"]);
  });

  it("S-67: an archive cannot write beside the artifact", async () => {
    // Made here, since tar itself takes such names away when it packs.
    const archive = tar({ "../../../../escaped": "x", "/escaped": "x", fine: "x" });
    const spec = shellSpec("tar -P", {
      files: [{ name: "a.tar", content: archive }],
      argv: ["/bin/sh", "-c", "cd /out && tar -x -P -f /job/a.tar; ls /out"],
    });
    const { dir } = made(await openSession(sandboxed.workshop).artifact(spec));
    expect(readdirSync(dir)).toEqual(["fine"]);
    for (const at of ["/", sandboxed.dir, join(sandboxed.dir, "staging"), join(sandboxed.dir, "cache")]) expect(existsSync(join(at, "escaped"))).toBe(false);
  });

  it.skipIf(!sandboxed.limitsMemory)("S-31: a build takes no more memory than it may have, and says so", async () => {
    const workshop = await sandboxed.reopen({ buildMemoryBytes: 64 * 1024 * 1024 });
    const greedy = shellSpec("perl -e '$x = \"x\" x 400_000_000; print length $x'; exit 0");
    const outcome = await openSession(workshop).artifact(greedy);
    expect(outcome).toEqual({ kind: "failed", code: 137, output: expect.stringContaining("the build needed more memory than it may have (64 MB)") });
    expect((await openSession(workshop).artifact(shellSpec('echo small > "$OUT/f"'))).kind).toBe("artifact");
  });

  it.skipIf(!sandboxed.limitsMemory)("what a build has in memory counts as taken while it runs: jobs are packed into the rest", async () => {
    const opened = await openTestExecution({ prepared: 0, languages: ["bash"] });
    const session = openSession(opened.execution.workshop);
    const before = opened.heldBytes();
    const outcome = session.command(shellStep('perl -e \'$x = "x" x 60_000_000; print STDERR "filled\\n"; sleep 300\''));
    await session.saw("filled");
    expect(opened.heldBytes() - before).toBeGreaterThan(60_000_000);
    session.abort();
    await expect(outcome).rejects.toMatchObject({ code: "cancelled" });
    await expect.poll(() => opened.heldBytes()).toBe(before);
    opened.dispose();
  });

  it("a build reaches nobody when it has no network", async () => {
    const outcome = await openSession(sandboxed.workshop).command(shellStep("cat /proc/net/dev | tail -n +3 | wc -l; cat /proc/net/tcp | wc -l"));
    expect(outcome.stdout.trim().split("\n")).toEqual(["1", "1"]);
  });

  it("the operator's files are shown to builds with network, at their own path, and to no others", async () => {
    const folder = join(sandboxed.dir, "wheels");
    mkdirSync(folder, { mode: 0o755 });
    writeFileSync(join(folder, "w"), "wheel", { mode: 0o644 });
    const workshop = await sandboxed.reopen({ buildEnv: new Map([["FIND_LINKS", folder]]) });
    const step = shellStep(`cat ${folder}/w; echo end`);
    expect((await openSession(workshop).command({ ...step, network: true })).stdout).toBe("wheelend\n");
    expect((await openSession(workshop).command(step)).stdout).toBe("end\n");
  });
});
