import { AppError } from "../kernel/app-error.ts";
import { say } from "./output.ts";
import { ask, canAsk } from "./prompt.ts";
import { plainText } from "./sanitise.ts";

const MAX_SHOWN = 50;

/**
 * Shows what would go away, and asks. Without a terminal nobody is asked: then `--yes` must be given.
 * Errors: invalid_argument without one; cancelled when the answer is no.
 */
export async function confirmRemoval(what: string, names: readonly string[], yes: boolean): Promise<void> {
  say(`${what}:`);
  for (const name of names.slice(0, MAX_SHOWN)) say(`  ${plainText(name)}`);
  if (names.length > MAX_SHOWN) say(`  and ${names.length - MAX_SHOWN} more`);
  if (yes) return;
  if (!canAsk())
    throw new AppError("invalid_argument", "nothing was changed: there is nobody to ask whether this is right", {
      hint: "add --yes, or look with --dry-run first",
    });
  if (!/^y(es)?$/i.test(await ask("Go on? (y/n)", "n"))) throw new AppError("cancelled", "nothing was changed");
}
