import { EXIT, type ExitCode } from "../exit-codes.ts";
import { inkFor, print, printJson } from "../output.ts";

export interface DoctorOptions {
  readonly json?: boolean;
  /** The lowest level that counts as good. */
  readonly minLevel: number;
}

const NAME_WIDTH = 18;

/** `millrace agent doctor`: what an agent on this host could enclose jobs with, tried here and now. */
export async function doctorCommand(options: DoctorOptions): Promise<ExitCode> {
  const { examineHost } = await import("../../agent/doctor.ts");
  const report = await examineHost();
  const good = report.level >= options.minLevel;
  if (options.json === true) printJson({ ...report, min_level: options.minLevel, ok: good });
  else {
    const ink = inkFor(process.stdout);
    for (const layer of report.layers) {
      print(`${layer.ok ? ink.green("✓") : ink.red("✗")} ${layer.name.padEnd(NAME_WIDTH)}${layer.detail}`);
      if (layer.fix !== "") print(`  ${" ".repeat(NAME_WIDTH)}${ink.cyan("to mend it:")} ${layer.fix}`);
    }
    print(`sandbox level ${report.level} of 3${good ? "" : ink.red(`, and ${options.minLevel} is asked for`)}`);
  }
  return good ? EXIT.ok : EXIT.precondition;
}
