/** Version of the protocol between replicas. Neighbouring versions of Millrace speak the same one. */
export const PEER_PROTOCOL_VERSION = 1;
export const LINK_KEEPALIVE_MS = 1000;
/** A link on which nothing was heard for this long is given up, on both sides. */
export const LINK_SILENT_MS = 5000;
