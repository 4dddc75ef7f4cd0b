import type { Logger } from "pino";
import type { Endpoint, openStream, SessionStream, StreamHandlers } from "./stream.ts";

type Open = (endpoint: Endpoint, handlers: StreamHandlers) => SessionStream;

/**
 * Opens streams to one of several replicas: to a random one first, so that agents spread, then to one after the other until one welcomes the
 * agent. A stream that breaks is opened to the same replica once more; one that was given up (it fell silent, or the replica asked the agent
 * to go) is opened to the next one.
 * @param addresses host:port, at least one
 * @param random in [0, 1)
 */
export function openInTurn(addresses: readonly string[], open: typeof openStream, log: Logger, random: () => number): Open {
  let at = Math.floor(random() * addresses.length);
  let stays = true;
  return (endpoint, { onFrame, onClosed }) => {
    if (!stays) at = (at + 1) % addresses.length;
    const address = addresses[at] ?? endpoint.address;
    log.debug({ event: "agent.dial", address }, "dialling");
    stays = false;
    let welcome = false;
    return open(
      { ...endpoint, address },
      {
        onFrame: (frame) => {
          welcome = (welcome || frame.welcome !== undefined) && frame.drain === undefined;
          onFrame(frame);
        },
        onClosed: (reason, refusal) => {
          stays = welcome;
          onClosed(reason, refusal);
        },
      },
    );
  };
}
