import { describe, expect, it } from "vitest";
import { fc } from "../../kernel/fast-check.fixture.ts";
import { bubblewrapArgs, encodeArgs, type ProfileSpec, type SystemTree } from "./profile.ts";

const system: SystemTree = {
  links: [{ target: "usr/bin", path: "/bin" }],
  binds: [{ source: "/usr", path: "/usr" }],
  networkBinds: [{ source: "/run/resolv.conf", path: "/etc/resolv.conf" }],
  isolatedBinds: [{ source: "/state/etc/resolv.conf", path: "/etc/resolv.conf" }],
  maskedProcFiles: ["/proc/keys"],
  maskedProcFolders: ["/proc/acpi"],
};

const spec: ProfileSpec = {
  env: new Map([["NAME", "value"]]),
  jobDir: "/state/jobs/job-1",
  mounts: [{ source: "/opt/node", target: "/runtimes/node" }],
  network: "none",
  tmpBytes: 1024,
};

/** How many strings follow each option: the grammar by which bwrap reads the list. */
const OPERANDS: Readonly<Record<string, number>> = {
  "--unshare-user": 0,
  "--unshare-pid": 0,
  "--unshare-ipc": 0,
  "--unshare-uts": 0,
  "--unshare-cgroup": 0,
  "--unshare-net": 0,
  "--die-with-parent": 0,
  "--new-session": 0,
  "--as-pid-1": 0,
  "--disable-userns": 0,
  "--assert-userns-disabled": 0,
  "--cap-drop": 1,
  "--hostname": 1,
  "--uid": 1,
  "--gid": 1,
  "--proc": 1,
  "--dev": 1,
  "--size": 1,
  "--tmpfs": 1,
  "--remount-ro": 1,
  "--chdir": 1,
  "--seccomp": 1,
  "--json-status-fd": 1,
  "--ro-bind": 2,
  "--symlink": 2,
  "--setenv": 2,
};

/** Reads the encoded list as bwrap does; undefined when it would refuse it. */
function parse(data: Buffer): string[][] | undefined {
  const words = data.toString("utf8").split("\0").slice(0, -1);
  const options: string[][] = [];
  for (let at = 0; at < words.length; ) {
    const name = words[at] ?? "";
    const count = OPERANDS[name];
    if (count === undefined || at + count >= words.length) return undefined;
    options.push(words.slice(at, at + 1 + count));
    at += 1 + count;
  }
  return options;
}

describe("bubblewrapArgs", () => {
  it("is exactly this list", () => {
    expect(bubblewrapArgs(spec, system).join(" ")).toBe(
      [
        "--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup --unshare-net",
        "--die-with-parent --new-session --as-pid-1 --cap-drop ALL --disable-userns --assert-userns-disabled",
        "--hostname job --uid 1000 --gid 1000",
        "--ro-bind /usr /usr --ro-bind /state/etc/resolv.conf /etc/resolv.conf --symlink usr/bin /bin",
        "--proc /proc --ro-bind /proc/sys /proc/sys --ro-bind /dev/null /proc/keys",
        "--size 4096 --tmpfs /proc/acpi --remount-ro /proc/acpi",
        "--dev /dev --size 16777216 --tmpfs /dev/shm --remount-ro /dev --size 1024 --tmpfs /tmp",
        "--ro-bind /state/jobs/job-1 /job --ro-bind /opt/node /runtimes/node",
        "--remount-ro / --chdir /tmp --seccomp 4 --json-status-fd 6 --setenv NAME value",
      ].join(" "),
    );
  });

  it("shares the network and shows the real resolv.conf only on request", () => {
    const args = bubblewrapArgs({ ...spec, network: "full" }, system);
    expect(args).not.toContain("--unshare-net");
    expect(args).toContain("/run/resolv.conf");
    expect(args).not.toContain("/state/etc/resolv.conf");
  });

  it("never lets a variable of the tenant become an option", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(...Object.keys(OPERANDS), "--", "--bind", "", "a\0--bind\0/\0/"));
    const plain = parse(encodeArgs(bubblewrapArgs({ ...spec, env: new Map() }, system)));
    fc.assert(
      fc.property(text, text, (name, value) => {
        let args: string[];
        try {
          args = bubblewrapArgs({ ...spec, env: new Map([[name, value]]) }, system);
        } catch {
          return name === "" || name.includes("=") || name.includes("\0") || value.includes("\0");
        }
        const parsed = parse(encodeArgs(args));
        // Half characters turn into replacement characters on the way; what counts is where they end up.
        const clean = (raw: string): string => Buffer.from(raw).toString("utf8");
        expect(parsed?.slice(0, -1)).toEqual(plain);
        expect(parsed?.at(-1)).toEqual(["--setenv", clean(name), clean(value)]);
        return true;
      }),
    );
  });

  it.each([
    ["a relative job folder", { jobDir: "jobs/1" }],
    ["a job folder that looks like an option", { jobDir: "--bind" }],
    ["a NUL in a path", { jobDir: "/a\0b" }],
    ["a relative mount target", { mounts: [{ source: "/a", target: "b" }] }],
    ["a size that is no number", { tmpBytes: Number.NaN }],
    ["a size of nothing", { tmpBytes: 0 }],
  ])("refuses %s", (_, change) => {
    expect(() => bubblewrapArgs({ ...spec, ...change }, system)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });
});
