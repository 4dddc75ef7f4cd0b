import { describe, expect, it } from "vitest";
import { seccompFilter } from "./seccomp.ts";
import { SYSCALLS } from "./seccomp-tables.ts";

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (number: number): number => 0x50000 | number;
const EPERM = errno(1);
const ENOSYS = errno(38);
const EAFNOSUPPORT = errno(97);

interface Call {
  readonly arch: number;
  readonly number: number;
  readonly args?: readonly number[];
}

/** Runs a filter as the kernel does, and refuses what the kernel's checker refuses. */
function run(filter: Buffer, call: Call): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number, 0);
  data.writeUInt32LE(call.arch, 4);
  for (const [index, value] of (call.args ?? []).entries()) data.writeUInt32LE(value >>> 0, 16 + index * 8);
  let accumulator = 0;
  for (let at = 0; ; at++) {
    if ((at + 1) * 8 > filter.length) throw new Error("ran past the end");
    const code = filter.readUInt16LE(at * 8);
    const yes = filter.readUInt8(at * 8 + 2);
    const no = filter.readUInt8(at * 8 + 3);
    const value = filter.readUInt32LE(at * 8 + 4);
    if (code === 0x06) return value;
    if (code === 0x20) {
      if (value % 4 !== 0 || value >= 64) throw new Error("load outside seccomp_data");
      accumulator = data.readUInt32LE(value);
    } else if (code === 0x15) at += accumulator === value ? yes : no;
    else if (code === 0x35) at += accumulator >= value ? yes : no;
    else if (code === 0x45) at += (accumulator & value) !== 0 ? yes : no;
    else throw new Error(`unknown opcode ${code}`);
  }
}

describe.each(["x64", "arm64"] as const)("the filter for %s", (name) => {
  const table = SYSCALLS[name];
  const filter = seccompFilter(name);
  const result = (number: number, args: readonly number[] = []): number => run(filter, { arch: table.auditArch, number, args });
  const special = new Set([table.clone, table.clone3, table.ioctl, table.personality, table.socket]);
  const denied = new Set(Object.values(table.denied));

  it("refuses every listed call and allows every other number", () => {
    for (let number = 0; number < 600; number++) {
      if (special.has(number)) continue;
      expect([number, result(number)]).toEqual([number, denied.has(number) ? EPERM : ALLOW]);
    }
  });

  it("lists each number once", () => {
    expect(denied.size).toBe(Object.keys(table.denied).length);
    for (const number of special) expect(denied.has(number)).toBe(false);
  });

  it("kills a foreign architecture", () => {
    const foreign = name === "x64" ? 0x40000003 : 0x40000028;
    expect(run(filter, { arch: foreign, number: 1 })).toBe(KILL);
  });

  it("sends clone3 back to clone", () => {
    expect(result(table.clone3)).toBe(ENOSYS);
  });

  it("lets clone make processes and threads but no namespace", () => {
    const thread = 0x003d0f00;
    const fork = 0x01200011;
    expect(result(table.clone, [thread])).toBe(ALLOW);
    expect(result(table.clone, [fork])).toBe(ALLOW);
    for (const bit of [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000]) {
      expect(result(table.clone, [fork | bit])).toBe(EPERM);
    }
  });

  it("refuses terminal requests that type for others", () => {
    expect(result(table.ioctl, [0, 0x5412])).toBe(EPERM);
    expect(result(table.ioctl, [0, 0x541c])).toBe(EPERM);
    expect(result(table.ioctl, [0, 0x5401])).toBe(ALLOW);
  });

  it("allows only the normal personality", () => {
    expect(result(table.personality, [0])).toBe(ALLOW);
    expect(result(table.personality, [0xffffffff])).toBe(ALLOW);
    expect(result(table.personality, [0x0040000])).toBe(EPERM);
  });

  it.each([
    ["unix", 1, 0, ALLOW],
    ["inet", 2, 0, ALLOW],
    ["inet6", 10, 0, ALLOW],
    ["route netlink", 16, 0, ALLOW],
    ["netfilter netlink", 16, 12, EAFNOSUPPORT],
    ["packet", 17, 0, EAFNOSUPPORT],
    ["alg", 38, 0, EAFNOSUPPORT],
    ["vsock", 40, 0, EAFNOSUPPORT],
    ["bluetooth", 31, 0, EAFNOSUPPORT],
  ])("answers socket(%s)", (_, family, protocol, expected) => {
    expect(result(table.socket, [family, 1, protocol])).toBe(expected);
  });
});

describe("the filter for x64", () => {
  it("refuses the second table of numbers", () => {
    const { auditArch } = SYSCALLS.x64;
    expect(run(seccompFilter("x64"), { arch: auditArch, number: 0x40000000 })).toBe(ENOSYS);
    expect(run(seccompFilter("x64"), { arch: auditArch, number: 0x40000000 + 101 })).toBe(ENOSYS);
  });
});
