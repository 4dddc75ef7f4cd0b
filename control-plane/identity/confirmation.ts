import type { FastifyInstance } from "fastify";
import { AppError } from "../../kernel/app-error.ts";
import type { Pool } from "../db/pools.ts";
import { isConfirmed } from "./session-store.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** What somebody who sits down at another's open browser could do lasting harm with: a session must be a fresh one, or be confirmed anew. */
    confirmed?: true;
  }
}

/** How long a login, or a confirmation, is enough; docs/accounts.md names it. */
const FRESH_MS = 15 * 60_000;

/** To be called before routes are added. Tokens pass: nobody leaves them open on a desk, and they have nothing to be confirmed with. */
export function addConfirmation(app: FastifyInstance, pool: Pool): void {
  const confirm = async (session: string): Promise<void> => {
    if (await isConfirmed(pool, session, FRESH_MS)) return;
    throw new AppError("permission_denied", "this needs a login of the last 15 minutes", {
      hint: "POST /api/v1/me/confirm with the password, or log in again",
    });
  };
  app.addHook("preValidation", ({ routeOptions, principal }, _reply, done) => {
    if (routeOptions.config.confirmed !== true || principal?.via !== "session") done();
    else confirm(principal.tokenId).then(() => done(), done);
  });
}
