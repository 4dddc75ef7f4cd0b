// The script of the warm-up, see warm.cjs.
export async function main(times) {
  return { times };
}
