import { readFileSync } from "node:fs";
import { childrenOf } from "../children.ts";

/**
 * Memory that processes below this one have for themselves (not that of programs and libraries, which they share).
 * @returns bytes; 0 when it cannot be found out
 */
export function ownBytesBelow(pid: number): number {
  try {
    return childrenOf(pid).reduce((sum, child) => sum + ownBytes(child) + ownBytesBelow(child), 0);
  } catch {
    return 0;
  }
}

function ownBytes(pid: number): number {
  const match = /^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"));
  return Number(match?.[1] ?? 0) * 1024;
}
