/** A mutant that nothing can notice, or that need not be noticed. */
export interface Accepted {
  readonly file: string;
  /** As `npm run guards` names them. */
  readonly where: string;
  readonly change: string;
  readonly why: string;
}

const SCHEDULER = "control-plane/scheduler";
const CORE = `${SCHEDULER}/core`;
const NOTHING_TO_DO = "A short cut: a round that has nothing to do does nothing.";
const MEMORY = "Only memory tells: what stays behind is empty, or is looked at and found to be of no use.";
const LATE_ALARM = "A moment that has passed makes an alarm at once either way; Node warns of times below zero.";
const NOBODY_WAITS = "A short cut: where nobody waits whom a slot would help, no share is at the top either, and the answer is the same.";

export const ACCEPTED: readonly Accepted[] = [
  { file: `${CORE}/dispatch-core.ts`, where: "goesFirst", change: "route.waiting - route.held <= 0 → false", why: NOBODY_WAITS },
  { file: `${CORE}/dispatch-core.ts`, where: "goesFirstAtItsAgent", change: "route.waiting - route.held <= 0 → false", why: NOBODY_WAITS },
  {
    file: `${CORE}/dispatch-core.ts`,
    where: "goesFirst",
    change: "(share.queues.get(groupOf(job))?.waiting ?? 0) > 0 → false",
    why: "A second line: mayStart sees a group that a limit holds back, and what waits without that is seen below. A mutation of the list removes both.",
  },
  {
    file: `${CORE}/dispatch-core.ts`,
    where: "dispatchScoped",
    change: "share.readyQueues === 0 → false",
    why: "A short cut: without a ready queue nextQueue finds none.",
  },
  {
    file: `${CORE}/dispatch-core.ts`,
    where: "dispatchScoped",
    change: "share.capped → false",
    why: "A share is marked as capped while its workspace is at its cap, which is asked again on the next line; holdShare marks it once.",
  },
  {
    file: `${CORE}/agents-core.ts`,
    where: "leaveRoutes",
    change: "at >= 0 → true",
    why: "An agent is in the ring of each of its routes; the look keeps another agent from being taken out if that were ever wrong.",
  },
  {
    file: "control-plane/agents/seat.ts",
    where: "Seat.plan",
    change: "needs.size > 1 → true",
    why: "A short cut: an owner alone gets all slots whatever it needs; without shards that could use them its order says less, and its reports decide.",
  },
  {
    file: "control-plane/agents/slots-core.ts",
    where: "closeShare",
    change: "book.shares.delete(owner) → true",
    why: "An owner that has no share covers no attempts: what it leaves behind is none.",
  },
  {
    file: "control-plane/agents/slots-core.ts",
    where: "targetsOf",
    change: "hungry || kept > total → true",
    why: "A short cut: while nobody waits and all have room, nobody wants more than it has, but for one that runs more than its share.",
  },
  { file: `${SCHEDULER}/endings.ts`, where: "Endings.#record", change: "this.#deps.state.dirty.size > 0 → true", why: NOTHING_TO_DO },
  { file: `${SCHEDULER}/endings.ts`, where: "Endings.#record", change: "> → >=", why: NOTHING_TO_DO },
  { file: `${SCHEDULER}/sending.ts`, where: "Sending.#loadAndSend", change: "this.#unsent.length > 0 → true", why: NOTHING_TO_DO },
  { file: `${SCHEDULER}/sending.ts`, where: "Sending.#loadAndSend", change: "> → >=", why: NOTHING_TO_DO },
  { file: `${SCHEDULER}/queue-changes.ts`, where: "QueueChanges.read", change: "this.#refills.delete(queue); → ;", why: MEMORY },
  { file: `${SCHEDULER}/admissions.ts`, where: "Admissions.end", change: "jobs?.size === 0 → false", why: MEMORY },
  { file: `${SCHEDULER}/admissions.ts`, where: "Admissions.end", change: "this.#arriving.delete(id); → ;", why: MEMORY },
  {
    file: `${SCHEDULER}/admissions.ts`,
    where: "Admissions.ready",
    change: "Math.max(0, this.#deps.clock.wallMs() - job.dueAtMs) → (this.#deps.clock.wallMs() - job.dueAtMs)",
    why: "A job is handed over when its moment has come; only a clock that is set back within that turn of the event loop makes a difference.",
  },
  {
    file: `${SCHEDULER}/limit-duties.ts`,
    where: "LimitDuties.setAlarm",
    change: "atMs === this.#alarm?.atMs → false",
    why: "A short cut: the alarm would be set anew for the same moment.",
  },
  {
    file: `${SCHEDULER}/limit-duties.ts`,
    where: "LimitDuties.setAlarm",
    change: "Math.max(0, Math.ceil(Math.min(atMs - nowMs, MAX_ALARM_MS))) → (Math.ceil(Math.min(atMs - nowMs, MAX_ALARM_MS)))",
    why: LATE_ALARM,
  },
];
