/** Time as the code sees it. Pure cores get plain numbers; shells get one of these, so that tests can move time. */
export interface Clock {
  /** Milliseconds since the epoch. */
  wallMs(): number;
  /** Milliseconds that never go back; only differences mean anything. */
  monotonicMs(): number;
}

export const realClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
