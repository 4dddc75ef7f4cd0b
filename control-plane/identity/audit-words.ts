import type { Account } from "./account-store.ts";

/** How the audit log calls an account as what something is done to. */
export function accountTarget(account: Pick<Account, "email" | "name">): string {
  return `account ${labelOf(account)}`;
}

/** How it calls an account that does something: as principals are called. */
export function labelOf({ email, name }: Pick<Account, "email" | "name">): string {
  return email ?? name;
}

/** How it calls somebody of whom nothing else is known. */
export function addressActor(address: string): string {
  return `address ${address}`;
}
