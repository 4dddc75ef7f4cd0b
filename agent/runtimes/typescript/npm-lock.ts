import { z } from "zod";

const entry = z.looseObject({
  version: z.string().max(200).optional(),
  integrity: z.string().optional(),
  inBundle: z.boolean().optional(),
  link: z.boolean().optional(),
});
const lockFile = z.object({
  lockfileVersion: z.union([z.literal(2), z.literal(3)]),
  packages: z.record(z.string(), entry),
});
const root = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

/** `node_modules/a/node_modules/@b/c`, and nothing that could lead elsewhere. */
const PLACE = /^node_modules\/(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*(?:\/node_modules\/(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*)*$/;
const INTEGRITY = /^(?:sha(?:1|256|384|512)-[A-Za-z0-9+/=]+\s*)+$/;
const NAME = "script";

export type CheckedLock =
  | { readonly kind: "lock"; readonly packageJson: string; readonly lockJson: string }
  | { readonly kind: "fault"; readonly message: string };

/**
 * A lock may come from outside. What remains of it are packages with versions and hashes, which npm gets from the registry that the
 * operator has chosen: addresses are dropped; links, and places outside of node_modules, are refused.
 */
export function checkNpmLock(text: string): CheckedLock {
  let parsed: z.infer<typeof lockFile>;
  try {
    parsed = lockFile.parse(JSON.parse(text));
  } catch {
    return fault("the lock is not the text of a package-lock.json of version 2 or 3");
  }
  const { "": top, ...others } = parsed.packages;
  const dependencies = root.safeParse(top);
  if (!dependencies.success) return fault("the lock does not say what the script depends on");
  const packages: Record<string, unknown> = { "": { name: NAME, dependencies: dependencies.data.dependencies } };
  for (const [place, one] of Object.entries(others)) {
    if (!PLACE.test(place)) return fault(`the lock puts a package at ${JSON.stringify(place.slice(0, 200))}`);
    if (one.link === true) return fault(`the lock makes ${place} a link`);
    if (one.inBundle !== true && (one.version === undefined || !INTEGRITY.test(one.integrity ?? "")))
      return fault(`the lock has no version or no hash for ${place}`);
    const { resolved: _address, ...rest } = one;
    packages[place] = rest;
  }
  const lockJson = JSON.stringify({ name: NAME, lockfileVersion: 3, requires: true, packages });
  return { kind: "lock", packageJson: packageJsonOf(dependencies.data.dependencies), lockJson };
}

/** @param dependencies names and ranges, checked */
export function packageJsonOf(dependencies: Readonly<Record<string, string>>): string {
  return JSON.stringify({ name: NAME, private: true, dependencies });
}

function fault(message: string): CheckedLock {
  return { kind: "fault", message };
}
