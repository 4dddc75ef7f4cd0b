import { connect } from "../connect.ts";
import { type DeployedFile, deployFiles } from "../deploy.ts";
import { planDeploy } from "../deploy-plan.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type Ink, inkFor, print, printJson, say } from "../output.ts";
import { plainText } from "../sanitise.ts";
import type { ConnectionFlags } from "../settings.ts";

export interface DeployOptions extends ConnectionFlags {
  readonly prefix?: string;
  readonly json?: boolean;
}

/** `millrace deploy`: makes the scripts of a folder known. Versions are immutable; nothing is ever removed. */
export async function deployCommand(folder: string, options: DeployOptions): Promise<ExitCode> {
  const planned = planDeploy(folder, options.prefix);
  const ink = inkFor(process.stdout);
  const files = await deployFiles(connect(options), planned, (file) => {
    if (options.json !== true) print(deployLine(file, ink));
  });
  const count = (status: DeployedFile["status"]): number => files.filter((file) => file.status === status).length;
  const summary = { created: count("created"), unchanged: count("unchanged"), skipped: count("skipped"), failed: count("failed") };
  if (options.json === true) printJson({ ...summary, files });
  say(`${summary.created} created, ${summary.unchanged} unchanged, ${summary.skipped} skipped, ${summary.failed} failed`);
  return summary.failed > 0 ? EXIT.runFailed : EXIT.ok;
}

/** One line about a file. */
export function deployLine(file: DeployedFile, ink: Ink): string {
  const name = plainText(file.file);
  switch (file.status) {
    case "created":
      return `${ink.green("created  ")}  ${plainText(file.path ?? name)} ${ink.dim((file.hash ?? "").slice(0, 12))}`;
    case "unchanged":
      return `unchanged  ${plainText(file.path ?? name)} ${ink.dim((file.hash ?? "").slice(0, 12))}`;
    case "skipped":
      return ink.dim(`skipped    ${name} (${file.reason ?? ""})`);
    case "failed":
      return `${ink.red("failed   ")}  ${name}: ${plainText(file.reason ?? "")}${file.hint === undefined ? "" : ` (${plainText(file.hint)})`}`;
    default:
      return name;
  }
}
