/**
 * A tiny agent for the attack tests: runs one Bash script and prints what came of it. It exists as a process of its own,
 * because only a process has an environment and inherited descriptors that can be stolen.
 * Arguments: folder, `off`, `cold` or `prepared` (sandbox), `close` or `keep` (inherited descriptors), the script.
 */
import { runScript, untilPrepared } from "../runner/attempt-harness.ts";
import { openExecution } from "../runner/execution.ts";
import { closeInheritedFds } from "./inherited-fds.ts";

const [dir = "", sandbox, fds, code = ""] = process.argv.slice(2);
const closed = fds === "close" ? closeInheritedFds() : [];
const prepared = sandbox === "prepared" ? 2 : 0;
const opened = await openExecution({ dir, sandbox: sandbox === "off" ? "off" : "required", prepared, firewall: "off", languages: ["bash"] });
await untilPrepared(opened.execution, prepared);
const outcome = await runScript(opened.execution, "bash", code);
opened.close();
process.stdout.write(JSON.stringify({ ...outcome, closed, fast: opened.execution.sandbox.stats().fast }));
