import { z } from "zod";
import { AppError } from "../kernel/app-error.ts";
import type { AuditHead, AuditRow } from "../kernel/audit-chain.ts";

const hash = z.string().regex(/^[0-9a-f]{64}$/);
const head = z.object({ chain: z.string(), seq: z.int(), at: z.string(), hash });
const event = head.extend({
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  outcome: z.string(),
  detail: z.record(z.string(), z.unknown()),
  prev_hash: hash,
});

/** A line of an export. */
export type AuditLine = ({ readonly kind: "event" } & AuditRow) | ({ readonly kind: "head" } & AuditHead);

const line = z.discriminatedUnion("kind", [event.extend({ kind: z.literal("event") }), head.extend({ kind: z.literal("head") })]);

/** Errors: invalid_argument for what is no line of an export. */
export function readAuditLine(text: string, number: number): AuditLine {
  const parsed = line.safeParse(jsonIn(text));
  if (!parsed.success) throw new AppError("invalid_argument", `line ${number} is no row and no head of an audit log`);
  return parsed.data;
}

/** Heads that were kept: one a line, with or without the `kind` of an export. Errors: invalid_argument. */
export function readHeads(text: string): AuditHead[] {
  return text.split("\n").flatMap((one, at) => {
    if (one.trim() === "") return [];
    const parsed = head.safeParse(jsonIn(one));
    if (!parsed.success)
      throw new AppError("invalid_argument", `line ${at + 1} is no head of an audit log`, { hint: "`millrace audit head --json` prints one" });
    return [parsed.data];
  });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
