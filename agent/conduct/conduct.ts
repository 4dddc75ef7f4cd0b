import { type Capacity, Condition } from "../../proto/gen/millrace/agent/v1/session.ts";

/** Why an agent takes fewer jobs than it has slots. */
export type Hindrance = "quarantined" | "disk_pressure" | "ending";

const CONDITIONS: Readonly<Record<Hindrance, Condition>> = {
  quarantined: Condition.CONDITION_QUARANTINED,
  disk_pressure: Condition.CONDITION_DISK_PRESSURE,
  ending: Condition.CONDITION_ENDING,
};
/** What is said when there are several. */
const ORDER: readonly Hindrance[] = ["quarantined", "disk_pressure", "ending"];

/** How many jobs the agent takes at the moment, and why not more. It decides nothing itself: others tell it what they have found. */
export class Conduct {
  #slots: number;
  /** Why there are no more, beside hindrances; empty when there is nothing to say. */
  #note = "";
  readonly #onChange: () => void;
  readonly #hindrances = new Map<Hindrance, { readonly slots: number; readonly reason: string }>();
  #draining = false;

  /** @param onChange the capacity is another one than before */
  constructor(slots: number, onChange: () => void) {
    this.#slots = slots;
    this.#onChange = onChange;
  }

  get capacity(): Capacity {
    const kind = ORDER.find((one) => this.#hindrances.has(one));
    const slots = Math.min(this.#slots, ...[...this.#hindrances.values()].map((one) => one.slots));
    const capacity = { slots: this.#draining ? 0 : slots, draining: this.#draining };
    if (kind === undefined) return this.#note === "" ? capacity : { ...capacity, reason: this.#note };
    return { ...capacity, condition: CONDITIONS[kind], reason: this.#hindrances.get(kind)?.reason ?? "" };
  }

  /** True when the server must be told: Hello has the slots, but not why. */
  get isLimited(): boolean {
    return this.#draining || this.#hindrances.size > 0 || this.#note !== "";
  }

  /** Another number of slots for an agent that is not hindered. @param note why not more, one line for people; may be empty */
  resize(slots: number, note: string): void {
    if (this.#slots === slots && this.#note === note) return;
    this.#slots = slots;
    this.#note = note;
    if (!this.#draining) this.#onChange();
  }

  isHindered(kind: Hindrance): boolean {
    return this.#hindrances.has(kind);
  }

  /** @param slots that are left; 0 for none */
  hinder(kind: Hindrance, reason: string, slots = 0): void {
    const before = this.#hindrances.get(kind);
    if (before?.slots === slots && before.reason === reason) return;
    this.#hindrances.set(kind, { slots, reason });
    this.#onChange();
  }

  clear(kind: Hindrance): void {
    if (this.#hindrances.delete(kind)) this.#onChange();
  }

  /** For the rest of this process. */
  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#onChange();
  }
}
