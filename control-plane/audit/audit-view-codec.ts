import type { StoredAuditRow } from "./audit-store.ts";
import type { AuditEventView } from "./contract.ts";

/** A row as the API shows it. Its detail was written by us, as an object. */
export function presentAudit(row: StoredAuditRow): AuditEventView {
  return { ...row, outcome: row.outcome as AuditEventView["outcome"], detail: JSON.parse(row.detail) as Record<string, unknown> };
}

/** The same as one line of JSON; the detail goes out as it was hashed. */
export function auditLine({ detail, ...row }: StoredAuditRow): string {
  return `${JSON.stringify({ kind: "event", ...row }).slice(0, -1)},"detail":${detail}}\n`;
}
