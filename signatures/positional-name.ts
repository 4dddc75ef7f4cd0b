/** What a parameter without a name of its own is called: `arg1` for the first. @param index its position, from 0 */
export function positionalName(name: string, index: number): string {
  return name === "" || name === "_" ? `arg${index + 1}` : name;
}
