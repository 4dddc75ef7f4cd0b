/** What came and what went, in the order in which they are given: for the audit log. */
export function differenceOf(before: readonly string[], after: readonly string[]): { added: string[]; removed: string[] } {
  const [had, has] = [new Set(before), new Set(after)];
  return { added: after.filter((one) => !had.has(one)), removed: before.filter((one) => !has.has(one)) };
}
