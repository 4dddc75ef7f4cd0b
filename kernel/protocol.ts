/** Version of the agent protocol that this build speaks. Raised when a frame changes its meaning. */
export const PROTOCOL_VERSION = 1;
/** The oldest agent that this control plane accepts. */
export const OLDEST_PROTOCOL_VERSION = 1;
/** Version of the product, shown in logs and in Hello. */
export const VERSION = "0.1.0";

/** One gRPC message may be this large; frames stay far below it. */
export const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;
/** Senders start a new frame when one holds this much. */
export const FRAME_SOFT_BYTES = 512 * 1024;
