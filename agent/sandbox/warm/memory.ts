import { readFileSync } from "node:fs";

/**
 * Memory that processes below this one have for themselves (not that of programs and libraries, which they share).
 * @returns bytes; 0 when it cannot be found out
 */
export function ownBytesBelow(pid: number): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").filter(Boolean);
    return children.reduce((sum, child) => sum + ownBytes(Number(child)) + ownBytesBelow(Number(child)), 0);
  } catch {
    return 0;
  }
}

function ownBytes(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(match?.[1] ?? 0) * 1024;
}
