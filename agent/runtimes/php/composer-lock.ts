import { z } from "zod";

/** Kinds of archives. Others are copied as they lie in a folder, or are files as they are. */
const ARCHIVES = ["zip", "tar"] as const;
const NAME = /^[a-z0-9][a-z0-9_.-]*\/[a-z0-9][a-z0-9_.-]*$/i;
const ADDRESS = /^(?:https?|file):\/\//;

const dist = z.object({ type: z.enum(ARCHIVES), url: z.string().regex(ADDRESS), reference: z.string().nullish(), shasum: z.string().nullish() });
const entry = z.looseObject({ name: z.string().regex(NAME), version: z.string().max(200), type: z.string().optional(), dist: z.unknown().optional() });
const lockFile = z.looseObject({ packages: z.array(entry) });

export type CheckedComposerLock = { readonly kind: "lock"; readonly text: string } | { readonly kind: "fault"; readonly message: string };

/**
 * A lock may come from outside, and the build that reads it sees the operator's credentials. What remains of it are packages that come as
 * archives: repositories, further addresses, and folders and files of this machine are left out or refused.
 */
export function checkComposerLock(text: string): CheckedComposerLock {
  const parsed = readLock(text);
  if (parsed === undefined) return fault("the lock is not the text of a composer.lock");
  const packages: unknown[] = [];
  for (const { source: _repository, "notification-url": _told, dist: given, ...one } of parsed.packages) {
    const archive = dist.safeParse(given);
    if (!archive.success && (one.type !== "metapackage" || given !== undefined))
      return fault(`the lock has no archive (${ARCHIVES.join(", ")}) for ${one.name}`);
    packages.push(archive.success ? { ...one, dist: archive.data } : one);
  }
  return { kind: "lock", text: JSON.stringify({ ...parsed, packages, "packages-dev": [] }) };
}

function readLock(text: string): z.infer<typeof lockFile> | undefined {
  try {
    return lockFile.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function fault(message: string): CheckedComposerLock {
  return { kind: "fault", message };
}
