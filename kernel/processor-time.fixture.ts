/**
 * Processor time of this thread for some work, milliseconds. The time on a clock says as much about what else the machine does: a bound on it is
 * kept on one day and not on another.
 */
export function processorMs(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

/** The most processor time, milliseconds, that this thread used between two turns of its event loop. */
export async function longestTurnMs(work: () => Promise<void>): Promise<number> {
  const usedUs = (): number => {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  };
  let [lastUs, longestUs, over] = [usedUs(), 0, false];
  const look = (): void => {
    const nowUs = usedUs();
    longestUs = Math.max(longestUs, nowUs - lastUs);
    lastUs = nowUs;
    if (!over) setImmediate(look);
  };
  look();
  await work();
  over = true;
  return longestUs / 1000;
}
