import pino from "pino";
import type { ExitCode } from "../exit-codes.ts";
import { logLevel } from "../local/console-log.ts";
import { listenForStop, stayUntil } from "../local/stay-up.ts";

/** `millrace server`: the control plane alone, its events as JSON lines on stderr. */
export async function serverCommand(): Promise<ExitCode> {
  const log = pino(
    { level: logLevel(process.env, "info"), timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ fd: 2, sync: true }),
  );
  const wish = listenForStop(() => log.info({ event: "server.stopping" }, "signal received: stopping"));
  const { startControlPlane } = await import("../../control-plane/main.ts");
  const controlPlane = await startControlPlane(process.env, { log });
  return stayUntil(wish, async () => {
    await controlPlane.stop("signal");
    log.info({ event: "server.stopped" }, "stopped");
  });
}
