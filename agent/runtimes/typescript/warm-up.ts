/** Nothing but a TypeScript module: loading one makes the next one quick. */
export async function warmedUp(times: number): Promise<number> {
  return times;
}
