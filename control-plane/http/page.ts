/**
 * A page of what was read, which was one more than the page has, if there are so many.
 * @returns `next`: the member `next_cursor` of the answer, when there is more
 */
export function pageOf<One>(
  found: readonly One[],
  limit: number,
  cursorOf: (last: One) => string,
): { readonly page: readonly One[]; readonly next: { readonly next_cursor?: string } } {
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return { page, next: found.length > limit && last !== undefined ? { next_cursor: cursorOf(last) } : {} };
}
