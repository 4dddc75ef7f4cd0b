import { createHash } from "node:crypto";
import { isIPv6 } from "node:net";
import { AppError } from "../../kernel/app-error.ts";
import type { Pool } from "../db/pools.ts";
import { type AttemptKey, type Backoff, beginAttempt, forgetAttempts, forgiveAttempt } from "./login-attempt-store.ts";

/** Of one e-mail address, known or not. The longest block is short: whoever knows an address can keep its owner out for no longer. */
const OF_EMAIL: Backoff = { free: 5, firstS: 1, longestS: 5 * 60 };
/** Of one network address: many people may be behind it. */
const OF_ADDRESS: Backoff = { free: 30, firstS: 1, longestS: 15 * 60 };

interface Attempt {
  /** It was right: earlier failures of this e-mail address are forgotten, and the network address has one less. */
  succeeded(): Promise<void>;
  /** It was never looked at. */
  undo(): Promise<void>;
}

export interface FailedAttempt {
  /** What was tried, as the audit log calls it. */
  readonly action: "sessions:begin" | "sessions:confirm" | "accounts:create" | "accounts:change-password";
  readonly email?: string | undefined;
  readonly address: string;
}

/** Writes down who could not come in. */
export interface FailedLogins {
  note(attempt: FailedAttempt, why: "wrong" | "disabled" | "blocked"): void;
}

/** Guesses are counted by what is guessed and by who guesses. */
export interface Lockout {
  /**
   * Lets an attempt be made, counted as failed unless it is said that it was none.
   * Errors: resource_exhausted with the seconds to wait, the same whether there is such an account or not.
   */
  attempt(what: FailedAttempt): Promise<Attempt>;
}

/** @param failed told of attempts that were not let be made */
export function createLockout(pool: Pool, failed: FailedLogins): Lockout {
  return {
    async attempt(what) {
      const { email, address } = what;
      const ofEmail = email === undefined ? undefined : emailKey(email);
      const keys: AttemptKey[] = [{ key: `address ${networkOf(address)}`, backoff: OF_ADDRESS }];
      if (ofEmail !== undefined) keys.push({ key: ofEmail, backoff: OF_EMAIL });
      const begun = await beginAttempt(pool, keys);
      if (begun.kind === "blocked") {
        failed.note(what, "blocked");
        const { waitS } = begun;
        throw new AppError("resource_exhausted", `too many failed attempts: try again in ${waitS} s`, { retryAfterS: waitS });
      }
      const undo = (): Promise<void> => forgiveAttempt(pool, begun.counted);
      return {
        undo,
        async succeeded() {
          await undo();
          if (ofEmail !== undefined) await forgetAttempts(pool, ofEmail);
        },
      };
    },
  };
}

/** What was typed may be a password in the wrong field: it is not kept. */
function emailKey(email: string): string {
  return `email ${createHash("sha256").update(email.toLowerCase()).digest("base64url")}`;
}

/** One who has an IPv6 address has 2^64 of them. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = address.toLowerCase().split("%")[0]?.split("::") ?? [];
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  const all = tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - rest.length)).fill("0"), ...rest];
  return `${all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ""))
    .join(":")}::/64`;
}
