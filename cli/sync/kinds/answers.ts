import type { z } from "zod";
import { parseExactJson } from "../../exact-json.ts";
import { ApiError } from "../../exit-codes.ts";
import type { AskApi, RemoteOutline } from "./kind.ts";

/** Reads an answer of the API as far as it is used here. Errors: unavailable for what is no answer of a Millrace server. */
export function readAnswer<Shape extends z.ZodType>(text: string, shape: Shape, what: string): z.infer<Shape> {
  const parsed = shape.safeParse(parseExactJson(text, `the answer to ${what}`));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new ApiError(
    "unavailable",
    `the server answered ${what} with something else than expected: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`,
    502,
    undefined,
    {
      hint: "is it a Millrace server of this version?",
    },
  );
}

const PAGE = 200;

/** Reads a list to its end. @param read the items of a page */
export async function readPages<Shape extends z.ZodType<{ next_cursor?: string | undefined }>>(
  ask: AskApi,
  path: string,
  query: Readonly<Record<string, string>>,
  shape: Shape,
  read: (page: z.infer<Shape>) => RemoteOutline[],
): Promise<RemoteOutline[]> {
  const found: RemoteOutline[] = [];
  let cursor: string | undefined;
  do {
    const parameters = new URLSearchParams({ ...query, limit: String(PAGE), ...(cursor !== undefined && { cursor }) });
    const page = readAnswer(await ask("GET", `${path}?${parameters}`), shape, `GET ${path}`);
    found.push(...read(page));
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return found;
}
