import { EXIT, type ExitCode } from "../exit-codes.ts";
import { inkFor, print, printJson } from "../output.ts";

export interface AgentSettingsOptions {
  readonly json?: boolean;
}

/** `millrace agent settings`: what an agent may be told by its environment, and which of it is set here. */
export async function agentSettingsCommand(options: AgentSettingsOptions): Promise<ExitCode> {
  const { settingsIn } = await import("../../agent/doctor.ts");
  const settings = settingsIn(process.env);
  if (options.json === true) {
    printJson({ settings });
    return EXIT.ok;
  }
  const ink = inkFor(process.stdout);
  for (const { key, unit, fallback, meaning, consequence, set } of settings) {
    const about = [unit, fallback === "" ? "" : `default: ${fallback}`].filter((part) => part !== "").join("; ");
    // Never the value: some are secrets.
    print(`${ink.bold(key)}${about === "" ? "" : ` (${about})`}${set ? ink.green(" is set here") : ""}`);
    print(`  ${meaning} ${consequence}`);
  }
  return EXIT.ok;
}
