import type { DialPeer } from "../control-plane/peer/dial-peer.ts";
import type { HomeFrame, OwnerFrame } from "../proto/gen/millrace/peer/v1/peer.ts";
import { type Deaf, PeerWire } from "./peer-wire.ts";
import { describePeerFrame } from "./plan.ts";
import type { SimulatedReplica } from "./simulated-replica.ts";
import type { Process, VirtualTime } from "./virtual-time.ts";

interface PeerWiresOptions {
  readonly time: VirtualTime;
  readonly random: () => number;
  /** Undefined when nobody reads it. */
  readonly note: ((text: string) => void) | undefined;
}

/** The network between the replicas. */
export class PeerWires {
  readonly #options: PeerWiresOptions;
  readonly #partitions = new Map<string, { readonly untilMs: number; readonly deaf: Deaf }>();
  /** Who cannot dial whom until that moment. */
  readonly #apart = new Map<string, number>();
  #wires: PeerWire[] = [];

  constructor(options: PeerWiresOptions) {
    this.#options = options;
  }

  open(): PeerWire[] {
    this.#wires = this.#wires.filter((wire) => wire.open);
    return this.#wires;
  }

  /** @param to undefined: nobody has that address */
  dial(from: SimulatedReplica, to: SimulatedReplica | undefined): ReturnType<DialPeer> {
    const { time, random } = this.#options;
    const onArrived = (sender: Process, receiver: Process, frame: HomeFrame | OwnerFrame): void => this.#arrived(sender, receiver, frame);
    const wire = new PeerWire({ time, random, home: from.process, owner: to?.process ?? time.world, onArrived });
    this.#wires.push(wire);
    for (const replica of [from, to]) {
      const partition = this.#partitions.get(replica?.name ?? "");
      if (partition !== undefined && partition.untilMs > time.nowMs) wire.freeze(partition.untilMs - time.nowMs, partition.deaf);
    }
    const apartMs = (this.#apart.get(`${from.name} ${to?.name}`) ?? 0) - time.nowMs;
    if (apartMs > 0) wire.freeze(apartMs, "both");
    const call = wire.dial((stream) => to?.acceptPeer(stream));
    if (to?.process.alive !== true) wire.refuse();
    return { call, hangUp: () => undefined };
  }

  /** No way between the replica and the others, in one direction or both. */
  partition(replica: SimulatedReplica, forMs: number, deaf: Deaf): void {
    this.#partitions.set(replica.name, { untilMs: this.#options.time.nowMs + forMs, deaf });
    for (const wire of this.open()) if (wire.home === replica.process || wire.owner === replica.process) wire.freeze(forMs, deaf);
  }

  /** Nothing passes on the streams that `home` dials to `owner`. */
  part(home: SimulatedReplica, owner: SimulatedReplica, forMs: number): void {
    this.#apart.set(`${home.name} ${owner.name}`, this.#options.time.nowMs + forMs);
    for (const wire of this.open()) if (wire.home === home.process && wire.owner === owner.process) wire.freeze(forMs, "both");
  }

  died(process: Process): void {
    for (const wire of this.#wires) if (wire.home === process || wire.owner === process) wire.processDied(process);
  }

  heal(): void {
    this.#partitions.clear();
    this.#apart.clear();
    for (const wire of this.#wires) wire.heal();
  }

  #arrived(sender: Process, receiver: Process, frame: HomeFrame | OwnerFrame): void {
    const { note } = this.#options;
    if (note !== undefined) for (const text of describePeerFrame(frame)) note(`${sender.name} to ${receiver.name}: ${text}`);
  }
}
