/** A `Worker` of Node, as far as it matters here: microseconds since it began. Rejects when it is gone. */
export interface Thread {
  cpuUsage(): Promise<{ readonly user: number; readonly system: number }>;
}

/** A thread says what it used even while it is in a long function of its own; one without a processor takes a while. */
const ANSWER_MS = 1_000;
const LEAST_PAUSE_MS = 20;

/** Processor time of a thread since it began, milliseconds; undefined when it does not say within a second, or is gone. */
export async function usedByThreadMs(thread: Thread): Promise<number | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const gaveUp = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ANSWER_MS, undefined);
  });
  const usage = await Promise.race([thread.cpuUsage().catch(() => undefined), gaveUp]);
  clearTimeout(timer);
  return usage === undefined ? undefined : (usage.user + usage.system) / 1_000;
}

export interface ThreadLimits {
  /** Processor time, milliseconds, from the start of the watch. */
  readonly cpuMs: number;
  /** Wall time, milliseconds, after which a thread that did not get its processor time is given up, too. */
  readonly wallMs: number;
}

/**
 * Tells once when a thread has used its time (`spent`), or could not use it for long (`starved`). How long something takes says nothing of its
 * work on a busy machine: what is right for an idle one would be refused there.
 * @returns ends the watch
 */
export function watchThread(thread: Thread, { cpuMs, wallMs }: ThreadLimits, over: (how: "spent" | "starved") => void): () => void {
  const startedMs = performance.now();
  const before = usedByThreadMs(thread);
  let isOver = false;
  let timer = setTimeout(() => void look(), Math.min(cpuMs, wallMs));
  const end = (): void => {
    isOver = true;
    clearTimeout(timer);
  };
  async function look(): Promise<void> {
    const used = ((await usedByThreadMs(thread)) ?? 0) - ((await before) ?? 0);
    if (isOver) return;
    const leftMs = Math.min(cpuMs - used, startedMs + wallMs - performance.now());
    if (leftMs > 0) {
      timer = setTimeout(() => void look(), Math.max(LEAST_PAUSE_MS, leftMs));
      return;
    }
    end();
    over(used >= cpuMs ? "spent" : "starved");
  }
  return end;
}
