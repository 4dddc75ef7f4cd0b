import { EXIT, type ExitCode } from "../exit-codes.ts";
import { NPM_ECHO_MS, onInterrupts } from "../interrupts.ts";
import { inkFor, say } from "../output.ts";

/** The wish of the person at the keyboard, or of the service manager, that we end. */
export interface StopWish {
  readonly signal: AbortSignal;
  /** Resolves when it comes. */
  readonly wished: Promise<void>;
  /** What to end at once when it comes a second time. */
  onSecond(kill: () => void): void;
}

const ANNOUNCEMENT = "running jobs get a moment to end; Ctrl-C again stops at once";

/**
 * Listens for Ctrl-C, SIGTERM and a closed terminal: once for an orderly stop, twice for one at once.
 * @param announce says that the stop begins
 */
export function listenForStop(announce: () => void = () => say(`\n${inkFor(process.stderr).yellow("stopping:")} ${ANNOUNCEMENT}`)): StopWish {
  const controller = new AbortController();
  const wished = Promise.withResolvers<void>();
  const kills: (() => void)[] = [];
  onInterrupts(
    () => {
      announce();
      controller.abort();
      wished.resolve();
    },
    () => {
      for (const kill of kills) kill();
      process.exit(EXIT.interrupted);
    },
    ["SIGINT", "SIGTERM", "SIGHUP"],
    NPM_ECHO_MS,
  );
  return { signal: controller.signal, wished: wished.promise, onSecond: (kill) => void kills.push(kill) };
}

/** Stays until the wish comes, then stops. */
export async function stayUntil(wish: StopWish, stop: () => Promise<void>): Promise<ExitCode> {
  // Keeps the process alive whatever else holds or does not hold it.
  const alive = setInterval(() => undefined, 60_000);
  await wish.wished;
  clearInterval(alive);
  await stop();
  return EXIT.ok;
}
