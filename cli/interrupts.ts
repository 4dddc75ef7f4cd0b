/** npm passes a signal on although the terminal has sent it to us already: both come within this time and count as one. */
export const NPM_ECHO_MS = 150;

/**
 * Calls `first` on Ctrl-C and `second` each time it comes again.
 * @param echoMs signals that follow one within this time are the same keypress
 * @returns takes the handlers off
 */
export function onInterrupts(first: () => void, second: () => void, signals: readonly NodeJS.Signals[] = ["SIGINT"], echoMs = 0): () => void {
  let lastMs = Number.NEGATIVE_INFINITY;
  let count = 0;
  const handle = (): void => {
    const nowMs = performance.now();
    if (nowMs - lastMs < echoMs) return;
    lastMs = nowMs;
    count += 1;
    if (count === 1) first();
    else second();
  };
  for (const signal of signals) process.on(signal, handle);
  return () => {
    for (const signal of signals) process.off(signal, handle);
  };
}
