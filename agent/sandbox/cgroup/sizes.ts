import { totalmem } from "node:os";

/** The usual period of the kernel: how often a job's share of the processors is renewed. */
export const CPU_PERIOD_US = 100_000;
/** The kernel takes no less. */
const MIN_QUOTA_US = 1_000;

/** Processor time per period. */
export function cpuQuotaUs(millis: number): number {
  return Math.max(MIN_QUOTA_US, Math.round((millis * CPU_PERIOD_US) / 1_000));
}

/** What is left for the agent and the rest of the host. */
const RESERVE_BYTES = 256 * 1024 * 1024;
const RESERVE_PART = 0.1;
const PAGE_BYTES = 4096;

/**
 * What all jobs together may use: the memory of the host, or of the group that the agent is in, but for a tenth and at least 256 MB; half of it
 * where it is tiny. Less when the operator wants that.
 * @param limitBytes of the agent's own group; undefined or beyond the host's memory means none
 * @param wantedBytes 0: as much as there is
 */
export function memoryForJobs(limitBytes: number | undefined, wantedBytes = 0, hostBytes = totalmem()): number {
  const all = Math.min(limitBytes ?? hostBytes, hostBytes);
  const most = Math.max(all / 2, all - Math.max(RESERVE_BYTES, all * RESERVE_PART));
  const bytes = wantedBytes === 0 ? most : Math.min(wantedBytes, most);
  return Math.floor(bytes / PAGE_BYTES) * PAGE_BYTES;
}

export function jobsGroupName(key: string): string {
  return `millrace-jobs-${key}`;
}

export function agentGroupName(key: string): string {
  return `millrace-agent-${key}`;
}
