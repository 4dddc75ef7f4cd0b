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
