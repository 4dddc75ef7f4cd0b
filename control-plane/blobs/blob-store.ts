import { AppError, messageOf } from "../../kernel/app-error.ts";

interface BlobHead {
  readonly sizeBytes: number;
}

export interface BlobEntry extends BlobHead {
  readonly key: string;
}

interface ByteRange {
  readonly offset: number;
  /** At least 1. */
  readonly length: number;
}

/**
 * Where large cold data lives: whole objects under keys, in a folder or in a bucket. Every method throws AppError: `unavailable` when
 * the store cannot be reached or written, which is worth another try, and `invalid_argument` for a key that is none.
 */
export interface BlobStore {
  /** For people: what kind of store, and where; no secrets. */
  readonly place: string;
  /** Writes a whole object, or replaces it. When it returns the object is durable; a reader sees the old bytes or the new ones. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** The object or a part of it: a range is cut at the end of the object, one beyond it is empty. Undefined when there is no such object. */
  get(key: string, range?: ByteRange): Promise<Buffer | undefined>;
  head(key: string): Promise<BlobHead | undefined>;
  /** Does nothing when there is no such object. */
  delete(key: string): Promise<void>;
  /** Objects whose keys begin with `prefix` (which ends at a slash, or is empty), in the order of their keys. `after` is the last key of the page before. */
  list(prefix: string, options: { readonly after?: string; readonly limit: number }): Promise<BlobEntry[]>;
}

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,126}$/;
const MAX_KEY_CHARACTERS = 512;

/** Keys are slash-separated names of harmless characters, so that they are file names and URLs as they are. Errors: invalid_argument. */
export function checkKey(key: string): void {
  if (key.length > MAX_KEY_CHARACTERS || !key.split("/").every((segment) => SEGMENT.test(segment)))
    throw new AppError("invalid_argument", `"${key.slice(0, 200)}" is not a key of an object`);
}

/** Errors: invalid_argument. */
export function checkPrefix(prefix: string): void {
  if (prefix !== "" && !prefix.endsWith("/")) throw new AppError("invalid_argument", `the prefix "${prefix.slice(0, 200)}" does not end at a slash`);
  if (prefix !== "") checkKey(prefix.slice(0, -1));
}

/** @param failure what to say, in words for people. Errors: those of the work that are AppErrors; unavailable for all others. */
export async function orUnavailable<T>(failure: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("unavailable", `${failure}: ${messageOf(error)}`, { cause: error });
  }
}
