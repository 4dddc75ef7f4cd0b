import type { ControlPlane } from "../../control-plane/main.ts";
import { inkFor, say } from "../output.ts";

/** Says where the server is and how to use it. */
export function sayAddresses(controlPlane: ControlPlane): void {
  const ink = inkFor(process.stderr);
  const { httpUrl, credentials } = controlPlane;
  say("");
  say(`  ${ink.bold("API")}        ${httpUrl}/api/v1/w/${credentials.workspace}   ${ink.dim(`described at ${httpUrl}/api/v1/openapi.json`)}`);
  say(`  ${ink.bold("token")}      ${credentials.token}`);
  say(`  ${ink.bold("workspace")}  ${credentials.workspace}`);
  say("");
  say(`  In another terminal: ${ink.cyan("bin/millrace run examples/stream_lines.sh")}, or any .py, .ts, .js or .sh file of yours.`);
  say(ink.dim("  Ctrl-C stops everything; what ran is kept."));
}
