import { AppError } from "../../kernel/app-error.ts";
import { SYSCALLS, type SyscallTable } from "./seccomp-tables.ts";

/**
 * Assembles the seccomp filter as classic BPF: records of 8 bytes `{u16 code, u8 jt, u8 jf, u32 k}`, little endian.
 * The input that the kernel gives it (`seccomp_data`): number at 0, architecture at 4, low words of the arguments at 16, 24, 32.
 */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

const NUMBER = 0;
const ARCH = 4;
const ARG0 = 16;
const ARG1 = 24;
const ARG2 = 32;

const KILL_PROCESS = 0x80000000;
const ALLOW = 0x7fff0000;
const ERRNO = 0x00050000;
const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

/** Bits of clone() that make a namespace: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const CLONE_NAMESPACES = 0x7e020000;
/** Terminal requests that type input for somebody else. */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;
const X32_BIT = 0x40000000;
const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;
const QUERY_PERSONALITY = 0xffffffff;

type Target = "next" | "kill" | "eperm" | "enosys" | "eafnosupport" | "allow" | "clone" | "ioctl" | "personality" | "socket" | "netlink";
type Line = { readonly at?: Target } & (
  | { readonly op: "load"; readonly offset: number }
  | { readonly op: "jump"; readonly code: number; readonly value: number; readonly yes: Target; readonly no: Target }
  | { readonly op: "return"; readonly value: number }
);

/**
 * The filter for one architecture. Dangerous calls fail with EPERM; `clone3` with ENOSYS, so that libc falls back to `clone`,
 * whose flags can be read; sockets other than unix, inet, inet6 and route netlink with EAFNOSUPPORT (vsock is not held by
 * network namespaces). A foreign architecture kills the process.
 */
export function seccompFilter(arch: "x64" | "arm64"): Buffer {
  return assemble(program(SYSCALLS[arch]));
}

/** The filter of this machine. @throws failed_precondition on an architecture without a table */
export function seccompFilterOfThisMachine(): Buffer {
  if (process.arch === "x64" || process.arch === "arm64") return seccompFilter(process.arch);
  throw new AppError("failed_precondition", `there is no seccomp table for ${process.arch}`);
}

function program(table: SyscallTable): Line[] {
  const equal = (value: number, yes: Target, no: Target = "next"): Line => ({ op: "jump", code: JUMP_EQUAL, value, yes, no });
  const x32: Line[] = table.hasX32 ? [{ op: "jump", code: JUMP_AT_LEAST, value: X32_BIT, yes: "enosys", no: "next" }] : [];
  return [
    { op: "load", offset: ARCH },
    equal(table.auditArch, "next", "kill"),
    { op: "load", offset: NUMBER },
    ...x32,
    equal(table.clone3, "enosys"),
    equal(table.clone, "clone"),
    equal(table.ioctl, "ioctl"),
    equal(table.personality, "personality"),
    equal(table.socket, "socket"),
    ...Object.values(table.denied).map((number) => equal(number, "eperm")),
    { op: "return", value: ALLOW },
    { op: "load", offset: ARG0, at: "clone" },
    { op: "jump", code: JUMP_ANY_BIT, value: CLONE_NAMESPACES, yes: "eperm", no: "allow" },
    { op: "load", offset: ARG1, at: "ioctl" },
    equal(TIOCSTI, "eperm"),
    equal(TIOCLINUX, "eperm", "allow"),
    { op: "load", offset: ARG0, at: "personality" },
    equal(0, "allow"),
    equal(QUERY_PERSONALITY, "allow", "eperm"),
    { op: "load", offset: ARG0, at: "socket" },
    equal(AF_UNIX, "allow"),
    equal(AF_INET, "allow"),
    equal(AF_INET6, "allow"),
    equal(AF_NETLINK, "netlink", "eafnosupport"),
    { op: "load", offset: ARG2, at: "netlink" },
    equal(NETLINK_ROUTE, "allow", "eafnosupport"),
    { op: "return", value: ALLOW, at: "allow" },
    { op: "return", value: ERRNO | EPERM, at: "eperm" },
    { op: "return", value: ERRNO | ENOSYS, at: "enosys" },
    { op: "return", value: ERRNO | EAFNOSUPPORT, at: "eafnosupport" },
    { op: "return", value: KILL_PROCESS, at: "kill" },
  ];
}

function assemble(lines: readonly Line[]): Buffer {
  const labels = new Map<Target, number>();
  for (const [index, line] of lines.entries()) if (line.at !== undefined) labels.set(line.at, index);
  const bytes = Buffer.alloc(lines.length * 8);
  for (const [index, line] of lines.entries()) {
    const at = index * 8;
    if (line.op === "jump") {
      bytes.writeUInt16LE(line.code, at);
      bytes.writeUInt8(distance(labels, index, line.yes), at + 2);
      bytes.writeUInt8(distance(labels, index, line.no), at + 3);
      bytes.writeUInt32LE(line.value, at + 4);
    } else {
      bytes.writeUInt16LE(line.op === "load" ? LOAD : RETURN, at);
      bytes.writeUInt32LE(line.op === "load" ? line.offset : line.value, at + 4);
    }
  }
  return bytes;
}

/** Jumps go forward only and at most 255 instructions far; anything else is a defect of the program above. */
function distance(labels: ReadonlyMap<Target, number>, from: number, target: Target): number {
  if (target === "next") return 0;
  const to = labels.get(target);
  const steps = to === undefined ? -1 : to - from - 1;
  if (steps < 0 || steps > 255) throw new AppError("internal", `seccomp jump to ${target} is out of reach`);
  return steps;
}
