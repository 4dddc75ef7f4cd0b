import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { AppError } from "../kernel/app-error.ts";
import { AuditCheck, type AuditFinding, type AuditHead } from "../kernel/audit-chain.ts";
import { readAuditLine } from "./audit-lines-codec.ts";

export interface Verdict {
  readonly rows: number;
  /** The end as the export has it; undefined for one that was cut off. */
  readonly head: AuditHead | undefined;
  readonly findings: readonly AuditFinding[];
}

/** Lines of a file. Errors: not_found, invalid_argument when it cannot be read. */
export function linesOfFile(path: string): AsyncIterable<string> {
  return linesOf(createReadStream(path));
}

export function linesOfStream(stream: ReadableStream<Uint8Array>): AsyncIterable<string> {
  return linesOf(Readable.fromWeb(stream));
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  try {
    // The stream is asked for its error below: readline would leave it to nobody.
    const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
    const failed = new Promise<never>((_, reject) => stream.once("error", reject));
    failed.catch(() => undefined);
    const reader = lines[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([reader.next(), failed]);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw new AppError(isMissing ? "not_found" : "unavailable", isMissing ? "there is no such file" : "the audit log could not be read to its end", {
      cause: error,
    });
  }
}

/**
 * Checks an export of one chain. @param heads that were kept elsewhere; those of other chains are passed over
 * Errors: invalid_argument for what is no export, and for rows of several chains.
 */
export async function checkAudit(lines: AsyncIterable<string>, heads: readonly AuditHead[]): Promise<Verdict> {
  let check: AuditCheck | undefined;
  let chain = "";
  let head: AuditHead | undefined;
  let rows = 0;
  let number = 0;
  for await (const text of lines) {
    number += 1;
    if (text === "") continue;
    const line = readAuditLine(text, number);
    if (check === undefined) {
      chain = line.chain;
      check = new AuditCheck(heads.filter((one) => one.chain === line.chain));
    }
    if (line.chain !== chain) throw new AppError("invalid_argument", `line ${number} belongs to another workspace`);
    if (line.kind === "head") {
      head = { chain: line.chain, seq: line.seq, at: line.at, hash: line.hash };
      continue;
    }
    rows += 1;
    check.push(line);
  }
  // Of a chain without a row nothing is known but that heads of it were kept.
  const kept = check ?? new AuditCheck(heads);
  return { rows, head, findings: kept.end(head) };
}
