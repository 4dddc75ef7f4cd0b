import { explain, runSeed } from "./run-seed.ts";

const from = Number(process.argv[2] ?? 1),
  count = Number(process.argv[3] ?? 10);
const begun = performance.now();
let acked = 0,
  events = 0;
for (let seed = from; seed < from + count; seed++) {
  const r = await runSeed(seed);
  acked += r.acknowledged;
  events += r.events;
  if (r.violation) {
    console.log(seed, r.violation);
    if (process.argv[4]) {
      console.log(await explain(seed, r.violation.invariant));
      break;
    }
  }
}
console.log({ acked, events, ms: performance.now() - begun });
