/** How long a resolver may take, and an installation. */
export const LOCK_TIMEOUT_MS = 5 * 60_000;
export const INSTALL_TIMEOUT_MS = 15 * 60_000;
/** For how long inline code, which has no lock of its own, gets the versions that were found for the same packages before. */
export const INLINE_LOCK_MS = 10 * 60_000;

/** The string members of a lock that is a JSON object; undefined when one of them is missing. Locks come back from the control plane. */
export function parseLockFields(text: string, names: readonly string[]): ReadonlyMap<string, string> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const fields = new Map<string, string>();
  for (const [name, field] of Object.entries(value)) if (typeof field === "string") fields.set(name, field);
  return names.every((name) => fields.has(name)) ? fields : undefined;
}
