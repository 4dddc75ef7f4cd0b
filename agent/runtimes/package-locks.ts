/** How long a resolver may take, and an installation. */
export const LOCK_TIMEOUT_MS = 5 * 60_000;
export const INSTALL_TIMEOUT_MS = 15 * 60_000;
/** For how long inline code, which has no lock of its own, gets the versions that were found for the same packages before. */
export const INLINE_LOCK_MS = 10 * 60_000;
