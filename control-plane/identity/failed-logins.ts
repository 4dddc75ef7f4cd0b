import { background } from "../../kernel/background.ts";
import type { Clock } from "../../kernel/clock.ts";
import { recordAudit } from "../audit/audit-store.ts";
import { createOnceAMinute } from "../audit/once-a-minute.ts";
import type { Pool } from "../db/pools.ts";
import type { Log } from "../telemetry/log.ts";
import { findByEmail } from "./account-store.ts";
import { accountTarget, addressActor } from "./audit-words.ts";
import { type FailedAttempt, type FailedLogins, networkOf } from "./lockout.ts";

/**
 * One row a minute for each account and reason, and for each network address that is blocked. It is done after the answer, so that the answer takes
 * as long for an account that there is. An address that is nobody's is not written: it may be a password in the wrong field.
 */
export function createFailedLogins(pool: Pool, clock: Clock, log: Log): FailedLogins {
  const isTime = createOnceAMinute(clock);

  async function record({ action, email, address }: FailedAttempt, why: string): Promise<void> {
    const account = email === undefined ? undefined : await findByEmail(pool, email);
    if (account === undefined && why !== "blocked") return;
    const target = account === undefined ? `address ${networkOf(address)}` : accountTarget(account);
    if (!isTime(`${action} ${why} ${target}`)) return;
    await recordAudit(pool, { workspace: undefined, actor: addressActor(address), action, target, outcome: "denied", detail: { why } });
  }

  return { note: (attempt, why) => background(log, "audit of a failed login", record(attempt, why)) };
}
