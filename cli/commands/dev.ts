import type { ExitCode } from "../exit-codes.ts";
import { sayAddresses } from "../local/addresses.ts";
import { startLocalStack } from "../local/stack.ts";
import { listenForStop, stayUntil } from "../local/stay-up.ts";
import { say } from "../output.ts";

/** `millrace dev`: database, control plane and one agent on this machine, until Ctrl-C. */
export async function devCommand(): Promise<ExitCode> {
  const wish = listenForStop();
  const stack = await startLocalStack(wish.signal);
  wish.onSecond(stack.kill);
  try {
    await stack.agentReady();
    if (!wish.signal.aborted) sayAddresses(stack.controlPlane);
    return await stayUntil(wish, async () => {
      await stack.stop("interrupted");
      say("stopped");
    });
  } finally {
    await stack.stop("leaving");
  }
}
