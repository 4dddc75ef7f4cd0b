import { AppError } from "../kernel/app-error.ts";
import { isUuid } from "../kernel/ids.ts";
import type { ApiClient } from "./api-client.ts";

/** Newest jobs that are looked through for a short id. */
const MAX_LOOKED_AT = 1000;
const PAGE = 200;
const MIN_LENGTH = 8;

/** How tables show an id: its last characters, since ids of the same minute begin alike. */
export function shortId(id: string): string {
  return id.slice(-MIN_LENGTH);
}

/** Ids that a short form may mean: it is their beginning, or their last eight characters. */
function matchingIds(short: string, ids: readonly string[]): string[] {
  const lower = short.toLowerCase();
  return ids.filter((id) => id.startsWith(lower) || (lower.length === MIN_LENGTH && id.endsWith(lower)));
}

/**
 * The full id of a job from what a person typed: all of it, a beginning of at least 8 characters, or the last 8. Short
 * forms are looked for among the newest 1,000 jobs.
 * Errors: invalid_argument when it is too short or means several; not_found.
 */
export async function resolveJobId(client: ApiClient, typed: string): Promise<string> {
  const text = typed.trim().toLowerCase();
  if (isUuid(text)) return text;
  if (text.length < MIN_LENGTH || !/^[0-9a-f-]+$/.test(text)) {
    throw new AppError("invalid_argument", `${JSON.stringify(typed)} is no job id`, {
      hint: "give the whole id, its first 8 or more characters, or its last 8; `millrace jobs` lists them",
    });
  }
  const found: string[] = [];
  let cursor: string | undefined;
  for (let seen = 0; seen < MAX_LOOKED_AT; ) {
    const page = await client.jobs({ limit: PAGE, ...(cursor !== undefined && { cursor }) });
    found.push(
      ...matchingIds(
        text,
        page.jobs.map((job) => job.id),
      ),
    );
    seen += page.jobs.length;
    cursor = page.next_cursor;
    if (cursor === undefined || page.jobs.length === 0) break;
  }
  const [only, ...others] = found;
  if (only === undefined)
    throw new AppError("not_found", `none of the newest ${MAX_LOOKED_AT} jobs has an id like ${JSON.stringify(typed)}`, { hint: "give the whole id" });
  if (others.length > 0) {
    throw new AppError(
      "invalid_argument",
      `${JSON.stringify(typed)} means ${found.length} jobs: ${found.slice(0, 5).join(", ")}${found.length > 5 ? ", …" : ""}`,
      { hint: "give more characters, or the last 8" },
    );
  }
  return only;
}
