import { EXIT, type ExitCode } from "../exit-codes.ts";
import { inkFor, print, printJson } from "../output.ts";

export interface DoctorOptions {
  readonly json?: boolean;
  /** The lowest level that counts as good. */
  readonly minLevel: number;
}

const NAME_WIDTH = 18;

interface Found {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix: string;
}

/**
 * `millrace agent doctor`: what an agent on this host could enclose jobs with and which languages it would have, tried here and now; and whether it could
 * work with the settings of this environment, if there are any.
 */
export async function doctorCommand(options: DoctorOptions): Promise<ExitCode> {
  const { diagnose } = await import("../../agent/doctor.ts");
  const { checks, ...report } = await diagnose(process.env);
  const strong = report.level >= options.minLevel;
  const good = strong && checks.every(({ ok }) => ok);
  if (options.json === true) {
    printJson({ ...report, checks, min_level: options.minLevel, ok: good });
    return good ? EXIT.ok : EXIT.precondition;
  }
  const ink = inkFor(process.stdout);
  for (const layer of report.layers) show(layer);
  print(`sandbox level ${report.level} of 3${strong ? "" : ink.red(`, and ${options.minLevel} is asked for`)}`);
  print("");
  for (const { language, version } of report.languages) print(`${ink.green("✓")} ${language.padEnd(NAME_WIDTH)}${version}`);
  for (const { language, fix } of report.level === 0 ? [] : report.missing)
    print(`${ink.dim("–")} ${language.padEnd(NAME_WIDTH)}${ink.dim(`not here: ${fix}`)}`);
  if (checks.length > 0) print("");
  for (const check of checks) show(check);
  return good ? EXIT.ok : EXIT.precondition;
}

function show({ name, ok, detail, fix }: Found): void {
  const ink = inkFor(process.stdout);
  print(`${ok ? ink.green("✓") : ink.red("✗")} ${name.padEnd(NAME_WIDTH)}${detail}`);
  if (fix !== "") print(`  ${" ".repeat(NAME_WIDTH)}${ink.cyan("to mend it:")} ${fix}`);
}
