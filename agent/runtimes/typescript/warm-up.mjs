// The script of the warm-up, see warm.mjs.
export async function main(times) {
  return { times };
}
