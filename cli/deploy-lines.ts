import type { DeployedFile } from "./deploy.ts";
import type { LockedFile } from "./deploy-locks.ts";
import type { Ink } from "./output.ts";
import { plainText } from "./sanitise.ts";

/** One line about the dependencies of a file. */
export function lockLine({ file, state, job, reason }: LockedFile, ink: Ink): string {
  const name = plainText(file.path ?? file.file);
  const from = job === undefined ? "" : ` ${ink.dim(`job ${plainText(job)}`)}`;
  if (state === "ready") return `${ink.green("locked   ")}  ${name}${from}`;
  if (state === "failed") return `${ink.red("not locked")} ${name}: ${plainText(reason ?? "")}${from}`;
  return ink.dim(`not locked ${name}: ${plainText(reason ?? "")}; its runs find their dependencies themselves until then`);
}

/** One line about a file. */
export function deployLine(file: DeployedFile, ink: Ink): string {
  const name = plainText(file.file);
  const path = plainText(file.path ?? file.file);
  const hash = file.hash === undefined ? "" : ` ${ink.dim(file.hash.slice(0, 12))}`;
  const advice = file.hint === undefined ? "" : ` (${plainText(file.hint)})`;
  switch (file.status) {
    case "created":
      return `${ink.green("created  ")}  ${path}${hash}${ignoredPart(file, ink)}`;
    case "changed":
      return `${ink.green("changed  ")}  ${path}${hash}`;
    case "unchanged":
      return `unchanged  ${path}${hash}${ignoredPart(file, ink)}`;
    case "deleted":
      return `${ink.red("deleted  ")}  ${path}`;
    case "skipped":
      return ink.dim(`skipped    ${name} (${file.reason ?? ""})`);
    case "conflict":
      return `${ink.red("conflict ")}  ${name}: ${plainText(file.reason ?? "")}${advice}`;
    case "failed":
      return `${ink.red("failed   ")}  ${name}:${failure(file)}${advice}`;
    default:
      return name;
  }
}

/** All that is wrong with a flow, one thing a line. */
function failure({ problems, reason = "" }: DeployedFile): string {
  return problems === undefined ? ` ${plainText(reason)}` : problems.map((problem) => `\n             ${plainText(problem)}`).join("");
}

/** `--json` lists all of them. */
const MAX_IGNORED = 5;

function ignoredPart({ ignored }: DeployedFile, ink: Ink): string {
  if (ignored === undefined) return "";
  const more = ignored.length > MAX_IGNORED ? ` and ${ignored.length - MAX_IGNORED} more` : "";
  return ink.dim(` (changes nothing: ${ignored.slice(0, MAX_IGNORED).map(plainText).join(", ")}${more})`);
}
