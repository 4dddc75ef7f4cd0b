import { z } from "zod";

const wants = z.record(z.string(), z.string()).optional();
const entry = z.looseObject({
  name: z.string().optional(),
  version: z.string().max(200).optional(),
  integrity: z.string().optional(),
  inBundle: z.boolean().optional(),
  link: z.boolean().optional(),
  dependencies: wants,
  optionalDependencies: wants,
  peerDependencies: wants,
});
type Entry = z.infer<typeof entry>;
type Wants = Pick<Entry, "dependencies" | "optionalDependencies" | "peerDependencies">;
const lockFile = z.object({
  lockfileVersion: z.union([z.literal(2), z.literal(3)]),
  packages: z.record(z.string(), entry),
});
const root = z.object({ dependencies: z.record(z.string(), z.string()).default({}) });

/** `node_modules/a/node_modules/@b/c`, and nothing that could lead elsewhere. */
const PLACE = /^node_modules\/(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*(?:\/node_modules\/(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*)*$/;
const INTEGRITY = /^(?:sha(?:1|256|384|512)-[A-Za-z0-9+/=]+\s*)+$/;
/** npm asks for `name@version`, and follows an address that stands there instead of a version. */
const VERSION = /^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$/;
/** What npm takes for an address, a repository or a file. */
const ADDRESS = /[:/\\]|^\.|\.(?:tgz|tar|tar\.gz)$/i;
/** Another name for a package stays in the registry. */
const ALIAS = /^npm:(?:@[\w~-][\w.~-]*\/)?[\w~-][\w.~-]*(?:@|$)/;
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
  const elsewhere = addressIn({ dependencies: dependencies.data.dependencies });
  if (elsewhere !== undefined) return fault(`the lock lets the script depend on ${elsewhere}`);
  for (const [place, one] of Object.entries(others)) {
    const why = faultOf(place, one);
    if (why !== undefined) return fault(why);
    const { resolved: _address, ...rest } = one;
    packages[place] = rest;
  }
  const lockJson = JSON.stringify({ name: NAME, lockfileVersion: 3, requires: true, packages });
  return { kind: "lock", packageJson: packageJsonOf(dependencies.data.dependencies), lockJson };
}

function faultOf(place: string, one: Entry): string | undefined {
  if (!PLACE.test(place)) return `the lock puts a package at ${JSON.stringify(place.slice(0, 200))}`;
  if (one.link === true) return `the lock makes ${place} a link`;
  if (one.inBundle !== true && (one.version === undefined || !INTEGRITY.test(one.integrity ?? ""))) return `the lock has no version or no hash for ${place}`;
  const { name = "a", version = "0.0.0" } = one;
  if (!VERSION.test(version) || ADDRESS.test(version) || !PLACE.test(`node_modules/${name}`)) return `the lock has no plain name and version for ${place}`;
  const address = addressIn(one);
  return address === undefined ? undefined : `the lock lets ${place} depend on ${address}`;
}

/** What a package wants and npm would fetch from a place that the lock names; undefined when there is nothing of the kind. */
function addressIn({ dependencies, optionalDependencies, peerDependencies }: Wants): string | undefined {
  const all = [dependencies, optionalDependencies, peerDependencies].flatMap((list) => Object.entries(list ?? {}));
  const found = all.find(([, wanted]) => ADDRESS.test(wanted.replace(ALIAS, "")));
  return found === undefined ? undefined : JSON.stringify(found.join("@").slice(0, 200));
}

/** @param dependencies names and ranges, checked */
export function packageJsonOf(dependencies: Readonly<Record<string, string>>): string {
  return JSON.stringify({ name: NAME, private: true, dependencies });
}

function fault(message: string): CheckedLock {
  return { kind: "fault", message };
}
