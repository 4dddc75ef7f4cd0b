/**
 * A tiny agent for the network test: runs the scripts that it reads from stdin, one JSON line each, and prints an outcome for each. It is a
 * process of its own so that it can live in a network namespace of the test.
 * Arguments: folder, `none` or `full` (the agent's default), prepared sandboxes, `block` or `open` (addresses of cloud metadata).
 */
import { createInterface } from "node:readline";
import { runScript, untilPrepared } from "../../runner/attempt-harness.ts";
import { openExecution } from "../../runner/execution.ts";
import { closeInheritedFds } from "../inherited-fds.ts";

const [dir = "", network, prepared, metadata] = process.argv.slice(2);
closeInheritedFds();
const count = Number(prepared);
const opened = await openExecution({
  dir,
  sandbox: "required",
  network: network === "full" ? "full" : "none",
  prepared: count,
  blockMetadata: metadata === "block",
  languages: ["bash"],
});
await untilPrepared(opened.execution, count);
process.stdout.write(`${JSON.stringify({ ready: true, allowList: opened.execution.enclosure.noAllowList ?? "yes" })}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const { code, requirements } = JSON.parse(line);
  await untilPrepared(opened.execution, count);
  const { exit, stdout, stderr } = await runScript(opened.execution, "bash", code, { requirements });
  process.stdout.write(`${JSON.stringify({ exit, stdout, stderr, fast: opened.execution.sandbox.stats().fast })}\n`);
}
opened.close();
process.exit(0);
