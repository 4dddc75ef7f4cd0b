// npm run check: all gates, without the tests. Names given as arguments choose among them.
import { GATES, runGates } from "./gates.ts";

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !GATES.some((gate) => gate.name === name));
if (unknown.length > 0) {
  process.stderr.write(`no such gate: ${unknown.join(", ")}; there are: ${GATES.map((gate) => gate.name).join(", ")}\n`);
  process.exitCode = 2;
} else {
  const results = await runGates(wanted.length === 0 ? GATES : GATES.filter((gate) => wanted.includes(gate.name)));
  process.exitCode = results.every((result) => result.ok) ? 0 : 1;
}
