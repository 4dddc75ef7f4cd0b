import { z } from "zod";
import { WITHOUT_NUL } from "../../kernel/storable-text.ts";

const AUDIT_OUTCOMES = ["done", "asked", "denied"] as const;
const filterText = z.string().max(300).refine(WITHOUT_NUL.check, WITHOUT_NUL.message);
const moment = z.iso.datetime({ offset: true });

export const auditQuery = z.strictObject({
  actor: filterText.optional().meta({ description: "Exactly this one." }),
  action: filterText.optional().meta({ description: "Exactly this one, such as variables:write." }),
  target: filterText.optional().meta({ description: "What the target begins with, such as `variable f/billing/`." }),
  from: moment.optional().meta({ description: "Not before this moment." }),
  to: moment.optional().meta({ description: "Before this moment." }),
  cursor: z
    .string()
    .regex(/^[0-9]{1,15}$/)
    .optional()
    .meta({ description: "`next_cursor` of the page before." }),
  limit: z.coerce.number().int().min(1).max(200).optional(),
});

const auditEventView = z.object({
  chain: z.string().meta({ description: "Number of the workspace; part of what is hashed." }),
  seq: z.int(),
  at: z.iso.datetime(),
  actor: z.string(),
  action: z.string(),
  target: z.string(),
  outcome: z.enum(AUDIT_OUTCOMES).meta({ description: "asked: it is on its way to whoever does it. denied: nothing happened." }),
  detail: z.record(z.string(), z.unknown()).meta({ description: "Never values, arguments or code." }),
  prev_hash: z.string(),
  hash: z.string().meta({ description: "SHA-256 over prev_hash and the row." }),
});
export type AuditEventView = z.infer<typeof auditEventView>;

export const auditPage = z.object({ events: z.array(auditEventView), next_cursor: z.string().optional() });
export type AuditPage = z.infer<typeof auditPage>;

export const auditHeadView = z.object({ chain: z.string(), seq: z.int(), at: z.iso.datetime(), hash: z.string() });
export type AuditHeadView = z.infer<typeof auditHeadView>;

export const exportQuery = z.strictObject({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional().meta({ description: "Only rows after this number." }),
});
