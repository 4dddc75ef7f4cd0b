import { type ChannelCredentials, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { MAX_MESSAGE_BYTES } from "../../kernel/protocol.ts";
import { type HomeFrame, type OwnerFrame, PeerLinkClient } from "../../proto/gen/millrace/peer/v1/peer.ts";

export type PeerCall = ClientDuplexStream<HomeFrame, OwnerFrame>;

/** Opens a stream to a replica. `hangUp` closes the connection under it. */
export type DialPeer = (address: string) => { readonly call: PeerCall; readonly hangUp: () => void };

/**
 * Every stream has a connection of its own: one that is broken must not be the next one's, too.
 * @param secured of the TLS that all replicas speak, as it is at the moment of dialling; returns undefined for none
 */
export function peerDialler(secured: () => ChannelCredentials | undefined): DialPeer {
  return (address) => dial(address, secured() ?? credentials.createInsecure());
}

const dial = (address: string, channel: ChannelCredentials): ReturnType<DialPeer> => {
  const client = new PeerLinkClient(address, channel, {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.enable_retries": 0,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.service_config_disable_resolution": 1,
  });
  return { call: client.link(), hangUp: () => client.close() };
};
