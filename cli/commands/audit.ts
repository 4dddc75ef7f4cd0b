import type { AuditEventView } from "../../control-plane/audit/contract.ts";
import type { AuditChain } from "../api-client.ts";
import { checkAudit, linesOfFile, linesOfStream } from "../audit-check.ts";
import { readHeads } from "../audit-lines-codec.ts";
import { connect } from "../connect.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { readTextFile } from "../job-args.ts";
import { formatTable, inkFor, print, printJson, roomIn, say } from "../output.ts";
import type { ConnectionFlags } from "../settings.ts";

interface AuditFlags extends ConnectionFlags {
  readonly json?: boolean;
  readonly instance?: boolean;
}

export interface AuditListOptions extends AuditFlags {
  readonly actor?: string;
  readonly action?: string;
  readonly target?: string;
  readonly from?: string;
  readonly to?: string;
  readonly cursor?: string;
  readonly limit: number;
}

export interface VerifyOptions extends AuditFlags {
  readonly from?: string;
  readonly heads?: string;
}

const MAX_SAID = 20;

const chainOf = ({ instance }: AuditFlags): AuditChain => (instance === true ? "instance" : "workspace");

/** `millrace audit list`. */
export async function listAuditCommand(options: AuditListOptions): Promise<ExitCode> {
  const { actor, action, target, from, to, cursor, limit } = options;
  const page = await connect(options).audit(chainOf(options), { actor, action, target, from, to, cursor, limit });
  if (options.json === true) {
    printJson(page);
    return EXIT.ok;
  }
  const ink = inkFor(process.stdout);
  const rows = page.events.map(rowOf);
  process.stdout.write(formatTable(["NUMBER", "AT", "BY", "ACTION", "TARGET", "OUTCOME"], rows, (cell, _column, row) => (row === -1 ? ink.dim(cell) : cell)));
  if (page.next_cursor !== undefined) say(`there are more: --cursor ${page.next_cursor}`);
  return EXIT.ok;
}

function rowOf({ seq, at, actor, action, target, outcome }: AuditEventView): string[] {
  return [String(seq), at, actor, action, target, outcome];
}

/** `millrace audit export`: JSON lines on stdout. */
export async function exportAuditCommand(options: AuditFlags): Promise<ExitCode> {
  for await (const line of linesOfStream(await connect(options).auditExport(chainOf(options)))) {
    print(line);
    await roomIn(process.stdout);
  }
  return EXIT.ok;
}

/** `millrace audit head`: one line, to be kept elsewhere. */
export async function auditHeadCommand(options: AuditFlags): Promise<ExitCode> {
  print(JSON.stringify(await connect(options).auditHead(chainOf(options))));
  return EXIT.ok;
}

/** `millrace audit verify`: what the server has, or an export. */
export async function verifyAuditCommand(options: VerifyOptions): Promise<ExitCode> {
  const heads = options.heads === undefined ? [] : readHeads(readTextFile(options.heads));
  const lines = options.from === undefined ? linesOfStream(await connect(options).auditExport(chainOf(options))) : linesOfFile(options.from);
  const { rows, head, findings } = await checkAudit(lines, heads);
  if (options.json === true) {
    printJson({ rows, head: head ?? null, findings });
    return findings.length === 0 ? EXIT.ok : EXIT.runFailed;
  }
  for (const { kind, message } of findings.slice(0, MAX_SAID)) say(`${kind}: ${message}`);
  if (findings.length > MAX_SAID) say(`and ${findings.length - MAX_SAID} more`);
  if (findings.length > 0) return EXIT.runFailed;
  say(
    head === undefined && rows > 0
      ? `${rows} rows are as they were written; the export has no head: its end may be missing`
      : `${rows} rows are as they were written`,
  );
  if (heads.length === 0) say("what was cut off the end together with its note is found only with a head that was kept elsewhere: --heads");
  return EXIT.ok;
}
