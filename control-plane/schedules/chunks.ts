/** Parts of a list, in order, each of at most `size`. */
export function* sliced<T>(list: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < list.length; at += size) yield list.slice(at, at + size);
}
