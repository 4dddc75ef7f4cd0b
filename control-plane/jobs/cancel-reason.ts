/** Why a run of a flow is cancelled, and by whom: one text, since it is one on its way to the owner, between replicas and in the tables. */
export interface CancelReason {
  readonly reason: string;
  /** Empty when nobody asked: its time was over, or it was replaced. */
  readonly by: string;
}

const FORMAT = /^(?:([\s\S]*) \()?cancelled by ([^()]*)\)?$/;

export function signedReason(given: string | undefined, label: string): string {
  const by = `cancelled by ${label.replaceAll(/[()]/g, "")}`;
  return given === undefined ? by : `${given} (${by})`;
}

export function readReason(text: string): CancelReason {
  const [, reason = text, by = ""] = FORMAT.exec(text) ?? [];
  return { reason, by };
}
