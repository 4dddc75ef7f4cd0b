import { z } from "zod";

const PAGE_SIZE = 200;
/** Cursors of lists that have the newest first, as newestCursorSql makes them: microseconds since the epoch, and an id of twelve letters or a UUID. */
const NEWEST = /^\d{1,18}\.[0-9A-Za-z]{12}$/;
const NEWEST_UUID = /^\d{1,18}\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const newest = (cursor: RegExp) =>
  z.strictObject({
    cursor: z.string().regex(cursor, "is not a cursor of this list").optional(),
    limit: z.coerce.number().int().min(1).max(PAGE_SIZE).optional(),
  });

/** What lists take that have the newest first, and that nothing narrows. */
export const newestQuery = newest(NEWEST);
export const newestUuidQuery = newest(NEWEST_UUID);
