/**
 * Long work in slices. Whatever runs for milliseconds without a pause is what every other request has to wait for; between two slices the
 * event loop takes a whole turn. `setImmediate` is looked up at each call: simulations replace it.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
