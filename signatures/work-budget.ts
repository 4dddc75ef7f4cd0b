/** How many type nodes, literals and members one script may cost; ordinary scripts need below 1,000. */
const TYPE_WORK_LIMIT = 20_000;
/** Types nested deeper than this are read as "anything". */
export const MAX_TYPE_DEPTH = 32;

/**
 * Counts the work that a reader does on one script. A few lines of type aliases can describe a type of astronomical
 * size (each alias using the one before it twice), so work is bounded by a count; what lies beyond is "anything".
 */
export class WorkBudget {
  readonly limit: number;
  #spent = 0;

  constructor(limit: number = TYPE_WORK_LIMIT) {
    this.limit = limit;
  }

  get spent(): number {
    return this.#spent;
  }

  /** Takes `units` from the budget; false when it is used up, and from then on. */
  spend(units = 1): boolean {
    if (this.#spent + units > this.limit) {
      this.#spent = this.limit;
      return false;
    }
    this.#spent += units;
    return this.#spent < this.limit;
  }
}
