import { createHmac, timingSafeEqual } from "node:crypto";
import { asWorkspaceId, type JobId, parseJobId, type WorkspaceId } from "../../../kernel/ids.ts";
import type { Place } from "../core/model.ts";

/**
 * What a secret link stands for: `<workspace>.<job>.<place>.<approver>.<mac>`, place and approver in base64url. Whoever has it may answer for this
 * approver at this step of this run, and nothing else; nothing of it is stored, and it is of no use once the run has gone on.
 */
export interface ApprovalClaims {
  readonly workspace: WorkspaceId;
  readonly flow: JobId;
  readonly place: Place;
  readonly approver: string;
}

const FORMAT = /^([0-9]{1,19})\.([0-9a-f]{32})\.([A-Za-z0-9_-]{1,3000})\.([A-Za-z0-9_-]{1,600})\.([0-9a-f]{40})$/;

/** @param secret of the cluster */
export function mintApproval(secret: Buffer, { workspace, flow, place, approver }: ApprovalClaims): string {
  const body = [workspace, flow.replaceAll("-", ""), encode(place), encode(approver)].join(".");
  return `${body}.${macOf(secret, body)}`;
}

/** What the link stands for; undefined when it is none of ours. */
export function readApproval(secret: Buffer, text: string): ApprovalClaims | undefined {
  const [, workspace = "", hex = "", place = "", approver = "", mac = ""] = FORMAT.exec(text) ?? [];
  const flow = parseJobId(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"));
  if (flow === undefined) return undefined;
  const expected = macOf(secret, text.slice(0, text.lastIndexOf(".")));
  if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return undefined;
  return { workspace: asWorkspaceId(workspace), flow, place: decode(place), approver: decode(approver) };
}

const encode = (text: string): string => Buffer.from(text).toString("base64url");
const decode = (text: string): string => Buffer.from(text, "base64url").toString();

/** 160 bits of it. */
function macOf(secret: Buffer, body: string): string {
  return createHmac("sha256", secret).update("approval of a flow's step\n").update(body).digest("hex").slice(0, 40);
}
